package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"
)

// The limit is held against answers of the same size, so it must have that size: in one piece, whatever its length.
func TestLimitAnswersAsMuchAsAsked(t *testing.T) {
	for _, size := range []int{20, 330, 100_000} {
		ctx, stop := context.WithCancel(t.Context())
		told, tell := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- ServeLimit(ctx, tell, size) }()
		line := make([]byte, 100)
		n, err := told.Read(line)
		if err != nil {
			t.Fatal(err)
		}
		c, err := dial(ctx, place{addr: string(bytes.TrimSpace(line[:n]))})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.do(post("limit.example", "/", "", "some=form")); err != nil {
				t.Fatal(err)
			}
			if c.status != 200 || len(c.body) != size || !json.Valid(c.body) {
				t.Errorf("asked for %d bytes: %d, %d bytes, %.30s", size, c.status, len(c.body), c.body)
			}
		}
		c.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
