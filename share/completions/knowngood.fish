complete --keep-order --exclusive --command knowngood --arguments "(KNOWNGOOD_COMPLETE=fish knowngood -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
