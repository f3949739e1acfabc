package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/tests/crash"
	"latchkey.dev/tests/running"
)

var (
	long = flag.Bool("long", false, "take the times of the bars")
	seed = flag.Uint64("seed", 0, "repeats the decisions of a run; 0 takes new ones")
)

// recovery is how soon after the trouble every node serves as before.
const recovery = 5 * time.Second

// binary is built once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(running.Tests(m, &binary))
}

// lasting chooses how long a trouble lasts.
func lasting(short, whole time.Duration) time.Duration {
	if *long {
		return whole
	}
	return short
}

// often chooses how often a trouble comes.
func often(short, whole int) int {
	if *long {
		return whole
	}
	return short
}

// stage is the nodes, the crew that works on them, and one who asks each node all the time.
type stage struct {
	t       *testing.T
	site    running.Site
	data    string
	extra   []string // arguments of a node
	nodes   []*running.Process
	asked   []*witness
	crew    *crash.Crew
	working sync.WaitGroup
	stop    context.CancelFunc
	random  *rand.Rand
	log     io.Writer
}

// witness asks one node the same again and again, and remembers when it was not served.
type witness struct {
	mu      sync.Mutex
	wrong   []string  // answers that no trouble excuses
	refused int       // 503 and broken connections
	last    time.Time // of those
	served  int
}

// newStage starts nodes at 127.0.0.1, 127.0.0.2 and so on, at the same port: they are one issuer.
func newStage(t *testing.T, count int, data string, extra ...string) *stage {
	t.Helper()
	address, err := running.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, data: data, extra: extra, random: rand.New(rand.NewPCG(*seed, 7)), log: logFile(t)}
	_, port, _ := net.SplitHostPort(address)
	for i := range count {
		s.site.Nodes = append(s.site.Nodes, fmt.Sprintf("127.0.0.%d:%s", i+1, port))
	}
	s.site.Address = s.site.Nodes[0]
	s.nodes = make([]*running.Process, count)
	for i := range count {
		s.startNode(i)
		t.Cleanup(func() { _ = s.nodes[i].Kill() })
	}
	s.readManifest()
	s.crew = crash.NewCrew(s.site, 12, *seed)
	s.crew.SettleIn()
	s.explain()
	return s
}

func logFile(t *testing.T) io.Writer {
	t.Helper()
	folder, err := running.Artefacts("faults")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-")+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = file.Close()
		said, err := os.ReadFile(file.Name())
		if lost := bytes.Count(said, []byte("behind this refresh token")); err != nil || lost > 0 { // no client can see it: such a token rotates all the same
			t.Errorf("%d refresh tokens were ahead of the database, which lost their rotations, %v: see artefacts/faults", lost, err)
		}
	})
	return file
}

func (s *stage) startNode(i int) {
	s.t.Helper()
	if err := s.tryNode(i); err != nil {
		s.t.Fatalf("node %d: %v: see artefacts/faults", i, err)
	}
}

func (s *stage) tryNode(i int) (err error) {
	args := append([]string{"dev", "--addr", s.site.Nodes[i], "--data", s.data}, s.extra...)
	if s.nodes[i], err = running.Start(binary, s.log, args...); err != nil {
		return err
	}
	alone := running.Site{Address: s.site.Nodes[i]}
	return s.nodes[i].Until(30*time.Second, func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, alone.URL("localhost", "/"), http.NoBody)
		if err != nil {
			return false
		}
		transport := alone.Transport("")
		defer transport.CloseIdleConnections()
		response, err := transport.RoundTrip(request)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func (s *stage) readManifest() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data, "dev.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var manifest struct {
		Issuers map[string]running.Platform `json:"issuers"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		s.t.Fatal(err)
	}
	s.site.Acme = manifest.Issuers["acme"]
}

// begin lets the crew work and the witnesses watch until end.
func (s *stage) begin() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.working.Go(func() { s.crew.Work(ctx) })
	s.asked = nil
	for _, address := range s.site.Nodes {
		w := &witness{}
		s.asked = append(s.asked, w)
		s.working.Go(func() { s.watch(ctx, w, address) })
	}
}

// watch asks for an app's own token, what it is worth, and gives it back: a signature, a read that must be exact, and a commit.
func (s *stage) watch(ctx context.Context, w *witness, address string) {
	transport := running.Site{Address: address}.Transport("")
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		if status, err := s.askOnce(ctx, transport); ctx.Err() == nil {
			w.note(status, err)
		}
		time.Sleep(25 * time.Millisecond)
	}
}

func (s *stage) askOnce(ctx context.Context, transport *http.Transport) (status int, err error) {
	machine, api := s.site.Acme.Client("nightly-reports"), s.site.Acme.Client("orders-api")
	token, status, err := s.post(ctx, transport, machine, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	if err != nil || status != http.StatusOK {
		return status, err
	}
	if _, status, err = s.post(ctx, transport, api, "/oauth/introspect", url.Values{"token": {token}}); err != nil || status != http.StatusOK {
		return status, err
	}
	_, status, err = s.post(ctx, transport, machine, "/oauth/revoke", url.Values{"token": {token}})
	return status, err
}

func (s *stage) post(ctx context.Context, transport *http.Transport, c running.Client, path string, form url.Values) (token string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if c.AuthMethod != "client_secret_basic" {
		form.Set("client_id", c.ID)
		form.Set("client_secret", c.Secret)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.site.Acme.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.AuthMethod == "client_secret_basic" {
		request.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	var said struct {
		AccessToken string `json:"access_token"`
	}
	if response.ContentLength != 0 {
		err = json.NewDecoder(response.Body).Decode(&said)
	}
	if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
		return "", -1, nil // a 503 that does not say when
	}
	return said.AccessToken, response.StatusCode, err
}

func (w *witness) note(status int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil && status == http.StatusOK:
		w.served++
	case err != nil || status == http.StatusServiceUnavailable:
		w.refused++
		w.last = time.Now()
	default:
		w.wrong = append(w.wrong, fmt.Sprint("answered ", status))
	}
}

// end is called when the trouble is over. It waits for the recovery, lets the crew stop, and holds the nodes to everything.
func (s *stage) end(over time.Time) {
	s.t.Helper()
	time.Sleep(time.Until(over.Add(recovery + 2*time.Second)))
	s.stop()
	s.working.Wait()
	s.crew.Check()
	var slowest time.Duration
	refused, served := 0, 0
	for i, w := range s.asked {
		refused, served = refused+w.refused, served+w.served
		if late := w.last.Sub(over); late > 0 {
			slowest = max(slowest, late)
		}
		for _, wrong := range w.wrong {
			s.t.Errorf("node %d: %s", i, wrong)
		}
	}
	fmt.Printf("faults: %s: acknowledged=%d met_trouble=%d broken=%d served=%d refused_503=%d recovered_ms=%d\n",
		s.t.Name(), s.crew.Acknowledged(), len(s.crew.Waits()), len(s.crew.Broken()), served, refused, slowest.Milliseconds())
	if slowest > recovery {
		s.t.Errorf("a node served again %s after the trouble was over, which is more than %s", slowest, recovery)
	}
	s.explain()
}

func (s *stage) explain() {
	s.t.Helper()
	for _, promise := range s.crew.Broken() {
		s.t.Error(promise)
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
}
