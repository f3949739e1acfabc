package observe

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"time"
)

// AdminConfig is what the administrative listener shows.
type AdminConfig struct {
	Metrics *Metrics
	// Ready returns nil while the server can take requests; its error is shown, so it must hold no detail of the inside.
	Ready func(context.Context) error
}

// readyTimeout is shorter than the second that load balancers usually wait.
const readyTimeout = 800 * time.Millisecond

// Admin serves /metrics, /healthz, /readyz and /debug/pprof/. It must never be on the public listener: a profile shows memory.
func Admin(config AdminConfig) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", config.Metrics.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", config.ready)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready tells a load balancer whether to send requests here. /healthz tells whether to restart: trouble with the database is no
// reason for that.
func (c AdminConfig) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		say(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		return
	}
	say(w, http.StatusOK, "ok")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // nobody is left to tell
}
