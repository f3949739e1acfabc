package observe

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"latchkey.dev/internal/reqlog"
)

// Metrics counts what the server does, for Prometheus. A nil *Metrics counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	// series keeps the handles of what was counted before: finding them by label costs more than counting.
	series sync.Map // of seriesKey to *series
}

// seriesKey has only values that we chose: issuers of the configuration, route patterns, registered error codes and statuses.
// A caller cannot make it grow.
type seriesKey struct {
	issuer, route, outcome string
	status                 int
}

type series struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

// NewMetrics makes a registry of its own, with the Go runtime's and the process's figures.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_requests_total",
			Help: "Requests answered, by issuer, route, outcome (ok or the error code) and HTTP status.",
		}, []string{"issuer", "route", "outcome", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "latchkey_request_seconds",
			Help:    "How long requests took, by issuer and route.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"issuer", "route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "latchkey_build_info", Help: "1, with the version that runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts an answer. It is on the path of every request: after a route's first answer it allocates nothing.
func (m *Metrics) Request(record *reqlog.Record, status int, took time.Duration) {
	if m == nil {
		return
	}
	key := seriesKey{issuer: record.Issuer, route: record.Route, outcome: record.Outcome, status: status}
	known, ok := m.series.Load(key)
	if !ok {
		known, _ = m.series.LoadOrStore(key, m.newSeries(key))
	}
	counted := known.(*series)
	counted.count.Inc()
	counted.seconds.Observe(took.Seconds())
}

func (m *Metrics) newSeries(key seriesKey) *series {
	return &series{
		count:   m.requests.WithLabelValues(key.issuer, key.route, key.outcome, strconv.Itoa(key.status)),
		seconds: m.seconds.WithLabelValues(key.issuer, key.route),
	}
}

// Counter shows a figure that only grows, read whenever Prometheus asks. The name gets the prefix latchkey_.
func (m *Metrics) Counter(name, help string, read func() float64) {
	if m != nil {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "latchkey", Name: name, Help: help}, read))
	}
}

// Gauge shows a figure that goes up and down, read whenever Prometheus asks. The name gets the prefix latchkey_.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	if m != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "latchkey", Name: name, Help: help}, read))
	}
}

// Handler answers Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
