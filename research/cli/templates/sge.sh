#!/bin/bash
# Runs the {{ shards }} shards of {{ name }} as an array of Grid Engine: qsub {{ script }}
#$ -N {{ job }}
#$ -t {{ array }}
#$ -tc {{ parallel }}
#$ -S /bin/bash
#$ -j y
#$ -o {{ output }}
#$ -r y
#$ -pe smp {{ cpus }}
#$ -l h_rt={{ time }}
#$ -l h_vmem={{ memory }}
#$ -l gpu={{ gpus }}
#$ -q {{ queue }}
#$ -P {{ account }}
{{ directives }}

shard=$((${SGE_TASK_ID:?is set in arrays of Grid Engine, submit this by qsub} - 1))
cd {{ directory }} || exit
{{ lines }}
exec {{ command }}
