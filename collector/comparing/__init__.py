"""Cities and runs side by side: aligned, differenced, judged fairly."""
