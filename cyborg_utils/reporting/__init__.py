"""Pages for readers: figures, tables, sentences, and the rendering of notebooks.

`notebooks.run_notebook` and `notebooks.render` make a page; `figures` and `tables` show results,
with the labels of `labels`; `narrative` words the findings; `readme` and `model_card` write the
generated parts of the documentation and the cards of saved models.
"""
