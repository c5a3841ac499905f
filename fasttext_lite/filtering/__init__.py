"""Files of records through models: labels and scores added, records kept, dropped or sorted.

`settings` says what is asked for, `plan` which file becomes which, `manifest` what is done already,
`running` works through the rest in processes; `formats/` has a file for each format, `judging`
asks the models, `outputs` writes.
"""
