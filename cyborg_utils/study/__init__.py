"""What a study is: its configuration, its design, its stages, and the paths of its files.

`config.load_study` reads a study's YAML into a `schema.study.Study`; `design.conditions` lists its
conditions, `stages.STAGES` its stages; `storage` names its files, `results.read_result` and
`results.write_result` read and write its results; `code_hash.code_hash` decides what is rerun.
"""
