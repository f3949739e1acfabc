package main

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// TestTheCollectorsRoomIsAboutTheSameHoweverMuchIsAlive holds what memory and speed were measured with.
func TestTheCollectorsRoomIsAboutTheSameHoweverMuchIsAlive(t *testing.T) {
	paceCollector()
	for _, more := range []int{0, 64 << 20, 0} {
		alive := make([]byte, more)
		var room float64
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			runtime.GC() // the pace follows a collection a moment later
			state := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}}
			metrics.Read(state)
			room = float64(state[0].Value.Uint64()) / 100 * float64(state[1].Value.Uint64())
			if room > roomForGarbage/2 && room < roomForGarbage*5/4 {
				break
			}
		}
		if room < roomForGarbage/2 || room > roomForGarbage*5/4 {
			t.Errorf("with %d bytes more alive, %.0f may become garbage between two collections, not about %d", more, room, roomForGarbage)
		}
		runtime.KeepAlive(alive)
	}
}
