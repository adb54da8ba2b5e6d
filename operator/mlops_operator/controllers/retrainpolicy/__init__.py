"""RetrainPolicy: triggers, guards, one training at a time, and the record of every decision."""
