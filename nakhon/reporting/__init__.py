"""The results of an experiment as a report: answers, and the pages, tables and documents that tell them."""
