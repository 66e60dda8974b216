#!/bin/bash
# Runs the {{ shards }} shards of {{ name }} as an array of PBS: qsub {{ script }}
#PBS -N {{ job }}
#PBS -J {{ array }}{{ at_once }}
#PBS -j oe
#PBS -o {{ output }}
#PBS -r y
#PBS -l select={{ select }}
#PBS -l walltime={{ time }}
#PBS -q {{ queue }}
#PBS -A {{ account }}
{{ directives }}

shard=${PBS_ARRAY_INDEX:?is set in arrays of PBS, submit this by qsub}
cd {{ directory }} || exit
{{ lines }}
exec {{ command }}
