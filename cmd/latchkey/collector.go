package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// roomForGarbage is how many bytes may become garbage between two collections. A collection costs what is alive, so the room
	// is what buys speed: with Go's usual share of what is alive, which is little here, a busy server collects ten times a second.
	roomForGarbage = 24 << 20
	// leastPercent keeps a server with a great deal alive, such as ten thousand connections, from collecting all the time.
	leastPercent = 25
)

// paceCollector gives the garbage collector that room, whatever is alive: it sets GOGC anew after each collection, which it
// notices by the loss of an object that nothing else holds.
func paceCollector() {
	alive := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	var percent int
	var pace func(struct{})
	pace = func(struct{}) {
		metrics.Read(alive)
		total := max(1, alive[0].Value.Uint64()+alive[1].Value.Uint64()+alive[2].Value.Uint64())
		if wanted := max(leastPercent, int(roomForGarbage*100/total)); wanted != percent {
			percent = wanted
			debug.SetGCPercent(percent)
		}
		runtime.AddCleanup(new([64]byte), pace, struct{}{}) // large enough to be an allocation of its own
	}
	pace(struct{}{})
}
