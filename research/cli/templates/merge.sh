#!/bin/sh
# Joins the {{ shards }} shards of {{ name }} when all have ended: sh {{ script }}
# What there is of them: --partial. To another study: --into NEW.

cd {{ directory }} || exit
{{ lines }}
exec {{ command }} "$@"
