package sampleapp

import (
	"net/http"
	"sync"
	"time"
)

const (
	sessionCookie = "parcel_robot"
	sessionAge    = 24 * time.Hour
	maxSessions   = 1000
	flowAge       = time.Hour // as long as the platform's own pages hold
	maxFlows      = 20        // tabs in which one person is connecting at once
)

// sessions is every browser that has pressed Connect, by its cookie.
type sessions struct {
	secure bool

	mu   sync.Mutex
	byID map[string]*session
}

func newSessions(secure bool) *sessions {
	return &sessions{secure: secure, byID: map[string]*session{}}
}

// of returns the request's session, and nil for a browser without one; a nil session is empty.
func (s *sessions) of(r *http.Request, now time.Time) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[cookie.Value]
	if found == nil || now.Sub(found.started) > sessionAge {
		return nil
	}
	return found
}

// start gives a browser a session under a fresh id.
func (s *sessions) start(w http.ResponseWriter, id string, now time.Time) *session {
	fresh := &session{started: now, connections: map[string]*connection{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) >= maxSessions {
		s.dropOldest()
	}
	s.byID[id] = fresh
	http.SetCookie(w, &http.Cookie{ // Secure follows the app's own scheme: latchkey dev serves http on loopback.
		Name:     sessionCookie,
		Value:    id,
		Path:     "/",
		MaxAge:   int(sessionAge.Seconds()),
		HttpOnly: true,
		Secure:   s.secure,
		SameSite: http.SameSiteLaxMode, // The callback comes from the platform's site.
	})
	return fresh
}

func (s *sessions) dropOldest() {
	var oldest string
	for id, one := range s.byID {
		if oldest == "" || one.started.Before(s.byID[oldest].started) {
			oldest = id
		}
	}
	delete(s.byID, oldest)
}

// session is one browser's connections, and the ones it is about to make.
type session struct {
	started time.Time

	mu          sync.Mutex
	flows       []*flow // oldest first
	connections map[string]*connection
	notice      string // said once, on the next page
}

// flow is one press of Connect, until the platform has sent the person back.
type flow struct {
	platform *platform
	state    string
	nonce    string
	verifier string
	started  time.Time

	once    sync.Once // A double-clicked Allow calls back twice; the code is redeemed once.
	trouble *trouble  // how it ended; nil is well
}

func (s *session) begin(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows = append(s.flows, f)
	if len(s.flows) > maxFlows {
		s.flows = s.flows[1:]
	}
}

// flow finds the flow that a callback ends. Its state proves that this browser began it (RFC 6749 §10.12).
func (s *session) flow(p *platform, state string, now time.Time) *flow {
	if s == nil || state == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flows {
		if f.state == state && f.platform == p && now.Sub(f.started) < flowAge {
			return f
		}
	}
	return nil
}

func (s *session) connection(id string) *connection {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections[id]
}

func (s *session) keep(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[c.platform.ID] = c
}

func (s *session) drop(c *connection, notice string) {
	if s == nil { // It ended while the platform was being asked.
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connections[c.platform.ID] == c {
		delete(s.connections, c.platform.ID)
	}
	s.notice = notice
}

func (s *session) takeNotice() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	notice := s.notice
	s.notice = ""
	return notice
}
