#!/bin/sh
# Runs one job of this batch: sh job.sh <the name of its folder>. One that has ended well is not run again.

cd "$(dirname "$0")/jobs/$1" || exit 1
[ "$(cat status 2> /dev/null)" = 0 ] && exit 0
rm -f status reports.jsonl
: > started

RESEARCH_EXPERIMENT="${1##*_}"
RESEARCH_FOLDER="$PWD"
RESEARCH_REPORT="$PWD/reports.jsonl"
export RESEARCH_EXPERIMENT RESEARCH_FOLDER RESEARCH_REPORT

sh ./run.sh > stdout.txt 2> stderr.txt < /dev/null
status=$?
echo "$status" > status.part && mv status.part status
exit "$status"
