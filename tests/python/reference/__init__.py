"""Answers worked out a second time: plain loops over the sample's files, written from the rules of the language and from nothing of the engine."""
