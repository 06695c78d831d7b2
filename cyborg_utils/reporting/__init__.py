"""Pages for people: figures, tables, sentences, and the rendering of notebooks."""
