"""Pages for readers: figures, tables, sentences, and the rendering of notebooks.

`notebooks.run_notebook` and `notebooks.render` make a page; `figures` and `tables` show results,
with the labels of `labels`; `narrative` says them in sentences; `readme` and
`model_card.model_card` write what stands outside the pages.
"""
