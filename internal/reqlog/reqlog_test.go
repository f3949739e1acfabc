package reqlog_test

import (
	"context"
	"testing"

	"latchkey.dev/internal/reqlog"
)

func TestRecordTravelsWithTheRequest(t *testing.T) {
	record := &reqlog.Record{RequestID: "req_1"}
	ctx, cancel := context.WithCancel(reqlog.With(context.Background(), record))
	defer cancel()
	reqlog.From(ctx).Client = "cli_1"
	if record.Client != "cli_1" {
		t.Error("what was written down deeper is lost")
	}
}

func TestFromIsNeverNil(t *testing.T) {
	for _, ctx := range []context.Context{context.Background(), reqlog.With(context.Background(), nil)} {
		if r := reqlog.From(ctx); r == nil || *r != (reqlog.Record{}) {
			t.Errorf("record is %+v", r)
		}
	}
}
