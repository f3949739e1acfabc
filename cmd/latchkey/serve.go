package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/observe"
	"latchkey.dev/internal/server"
	"latchkey.dev/internal/web"
)

func (p *program) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run in production, as a configuration file says", Args: needs,
		Long: "Run in production, as a configuration file says. It prints one line when it takes requests, and logs JSON on standard error.\n" +
			"SIGTERM or Ctrl-C stops it: /readyz turns 503, requests under way are answered, and then it ends.\n" +
			"SIGHUP reads the certificate that `tls` names again, and does nothing where a proxy ends TLS.",
		Example: "  latchkey migrate up --config latchkey.yaml\n  latchkey serve --config latchkey.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.runServer(cmd.Context()) },
	}
	return p.withConfig(cmd)
}

// running is what serve holds while it runs.
type running struct {
	*installation
	log     *slog.Logger
	metrics *observe.Metrics
	tracer  *observe.Tracer
	server  *server.Server
}

func (p *program) runServer(ctx context.Context) error {
	signal.Ignore(syscall.SIGHUP)  // without a certificate of ours a reload is nothing; left alone, the signal ends the process
	signal.Ignore(syscall.SIGPIPE) // who read the log may end before us: Go would end the process, and requests with it
	loaded, err := p.load()
	if err != nil {
		return err
	}
	in, err := p.open(ctx, loaded)
	if err != nil {
		return err
	}
	lines := observe.Gather(p.err)
	r := &running{
		installation: in, log: observe.NewLogger(lines, loaded.LogLevel), metrics: observe.NewMetrics(thisBuild().Version),
	}
	defer lines.Flush()
	if have, known, err := in.store.Schema(ctx); err == nil && have > known { // what is wrong now is told by what needs it next
		r.log.Warn("the database's schema is newer than this latchkey knows", "version", have, "known", known)
	}
	return errors.Join(p.serveUntil(ctx, r), in.store.Close())
}

// serveUntil serves until ctx ends. Both listeners are open before anything says that it is ready.
func (p *program) serveUntil(ctx context.Context, r *running) (err error) {
	r.tracer = observe.NewTracer(observe.TracerConfig{
		Endpoint: r.config.Tracing.Endpoint, SampleRatio: r.config.Tracing.SampleRatio, Version: thisBuild().Version,
		Client: &http.Client{Timeout: collectorTimeout}, Log: r.log,
	})
	if r.server, err = p.build(ctx, r); err != nil {
		return err
	}
	public, err := p.publicListener(ctx, r)
	if err != nil {
		return err
	}
	admin, err := listen(ctx, r.config.AdminListen, "admin.listen")
	if err != nil {
		return errors.Join(err, public.Close())
	}
	stopAdmin := serveAdmin(admin, r)
	debug.FreeOSMemory() // starting parsed templates, languages and dialects: half of what is resident is garbage now
	if p.source.Getenv("GOGC") == "" {
		paceCollector()
	}
	return errors.Join(p.announce(r, public.Addr(), admin.Addr()), r.server.Serve(ctx, public), r.tracer.Shutdown(context.WithoutCancel(ctx)), stopAdmin())
}

// collectorTimeout is shorter than the interval between two batches of spans.
const collectorTimeout = 4 * time.Second

func (p *program) build(ctx context.Context, r *running) (*server.Server, error) {
	c := r.config
	brands := make([]web.Brand, len(c.Issuers))
	for i, is := range c.Issuers {
		brands[i] = web.BrandOf(is)
	}
	pages, err := web.New(web.Config{Rand: p.rand, Clock: p.clock, Brands: brands})
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	post, err := mail.NewSMTP(mail.SMTPConfig{
		Host: c.Mail.Host, Port: c.Mail.Port, Security: c.Mail.Security, Username: c.Mail.Username, Password: c.Mail.Password, From: c.Mail.From, Clock: p.clock,
	})
	if err != nil {
		return nil, err
	}
	return server.New(ctx, server.Config{
		Issuers: c.Issuers, Dialects: c.Dialects, Store: r.store, Keyring: r.keyring, Pages: pages, Mail: post, Log: r.log, Metrics: r.metrics, Tracer: r.tracer,
		TrustedProxies: c.TrustedProxies, MaxRequests: c.Limits.Requests, MaxHashes: c.Limits.PasswordHashes, KeepEvents: c.KeepEvents, Clock: p.clock, Rand: p.rand,
	})
}

// announce says where requests are taken; scripts wait for it. Who closed standard output is told when the server ends.
func (p *program) announce(r *running, public, admin net.Addr) error {
	names := make([]string, len(r.config.Issuers))
	for i, is := range r.config.Issuers {
		names[i] = is.Name
	}
	return p.show(ready{thisBuild().Version, public.String(), admin.String(), names}, func() {
		p.say("latchkey %s is ready on %s for %s; admin on %s", thisBuild().Version, public, strings.Join(names, ", "), admin)
	})
}

// ready is what --json says of a server that takes requests.
type ready struct {
	Version string   `json:"version"`
	Listen  string   `json:"listen"`
	Admin   string   `json:"admin"`
	Issuers []string `json:"issuers"`
}

func listen(ctx context.Context, address, key string) (net.Listener, error) {
	listener, err := server.Listen(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w%s", key, address, err, advice(err))
	}
	return listener, nil
}

// advice is what to do about an address that cannot be listened on.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; is another process there?"
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE"
	}
	return ""
}

// serveAdmin serves operators until the returned function is called: it outlives the public listener, so that /readyz tells while
// that one drains.
func serveAdmin(listener net.Listener, r *running) (stop func() error) {
	admin := &http.Server{
		Handler: observe.Admin(observe.AdminConfig{Metrics: r.metrics, Ready: r.ready}), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := admin.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("the admin listener has failed", "error", err)
		}
	}()
	return admin.Close
}

// ready hides what exactly is wrong: the log has it.
func (r *running) ready(ctx context.Context) error {
	err := r.server.Ready(ctx)
	if err == nil || errors.Is(err, server.ErrStopping) {
		return err
	}
	r.log.Warn("not ready", "error", err)
	return errors.New("the database does not answer")
}

// publicListener speaks TLS when the configuration names a certificate.
func (p *program) publicListener(ctx context.Context, r *running) (net.Listener, error) {
	listener, err := listen(ctx, r.config.Listen, "listen")
	if err != nil || !r.config.TLS.Enabled() {
		return listener, err
	}
	certificate, err := loadCertificate(r.config, p.clock, r.log)
	if err != nil {
		return nil, errors.Join(refuse(exitConfiguration, "tls: %v", err), listener.Close())
	}
	certificate.reloadOnHangup(ctx)
	return certificate.listener(listener), nil
}
