"""Parts that all docks share: pages, panels, questions, workers, remembered choices."""
