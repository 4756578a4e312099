package main

import "os"

// reloadSignals: Windows has none for that; xunjian config reload does it.
var reloadSignals []os.Signal
