package controlplane

import (
	"runtime/debug"
	"time"
)

// settled is when the work of a start is done: the API's documents are built
// some seconds after it is ready.
const settled = 15 * time.Second

// returnMemory gives back once what only the start needed, about a third of all;
// by itself Go does so when the heap has grown to that size again, which at rest
// is never.
func returnMemory() { time.AfterFunc(settled, debug.FreeOSMemory) }
