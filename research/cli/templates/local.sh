#!/bin/sh
# Runs the {{ shards }} shards of {{ name }} on this machine, one after another: sh {{ script }}
# Two at a time: -P 2. Some of them: their numbers, from 0 to {{ last }}.

if [ "$1" != --shard ]; then
    parallel={{ parallel }}
    if [ "$1" = -P ]; then
        parallel=$2
        shift 2 || exit
    fi
    [ $# -gt 0 ] || set -- $(seq 0 {{ last }})
    for shard; do
        if ! [ "$shard" -ge 0 ] 2>/dev/null || ! [ "$shard" -le {{ last }} ]; then
            echo "shards are numbers from 0 to {{ last }}, got $shard" >&2
            exit 2
        fi
    done
    printf '%s\n' "$@" | xargs -n 1 -P "$parallel" sh "$0" --shard
    exit
fi

shard=$2
cd {{ directory }} || exit
{{ lines }}
{{ command }}
exit # with its status; were it the last line, a shard that is killed would end the others, too
