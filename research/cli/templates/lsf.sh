#!/bin/bash
# Runs the {{ shards }} shards of {{ name }} as an array of LSF: bsub < {{ script }}
#BSUB -J "{{ job }}[{{ array }}]{{ at_once }}"
#BSUB -o {{ output }}
#BSUB -r
#BSUB -R "span[hosts=1]"
#BSUB -n {{ cpus }}
#BSUB -W {{ time }}
#BSUB -M {{ memory }}
#BSUB -R "rusage[mem={{ memory }}]"
#BSUB -gpu "num={{ gpus }}"
#BSUB -q {{ queue }}
#BSUB -P {{ account }}
{{ directives }}

shard=$((${LSB_JOBINDEX:?is set in arrays of LSF, submit this by bsub} - 1))
cd {{ directory }} || exit
{{ lines }}
exec {{ command }}
