"""The commands, as thin as can be: flags in, tables out."""
