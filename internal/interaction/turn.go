package interaction

import (
	"errors"
	"net/http"
	"net/url"
	"sync"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// turn is one request of a person, with all that is known about where they stand.
type turn struct {
	w  http.ResponseWriter
	r  *http.Request
	in wire.Params

	flow    Flow
	begun   bool             // by this very request: nobody can have answered it yet
	session *session.Session // nil: nobody is signed in
	// signedIn is the session that this very request began, by its ID.
	signedIn string

	// The rest is set in an app's flow only.
	client  *store.Client
	to      destination.Destination
	facts   Facts
	outcome Outcome
}

// inFlow tells whether an app sent the person.
func (t *turn) inFlow() bool { return t.flow.Request != nil }

// begin opens r and reads what the flow depends on.
func (h *Handler) begin(t *turn) error {
	if r := t.in.Get("r"); r != "" {
		flow, err := h.sealer.open(r)
		if err != nil {
			return oauth.InvalidRequest("the address of this page is incomplete; go back to the app and start again")
		}
		t.flow = flow
	}
	return h.resume(t)
}

// resume reads what the flow depends on.
func (h *Handler) resume(t *turn) (err error) {
	if t.session, err = h.Sessions.Current(t.r); err != nil {
		return err
	}
	if !t.inFlow() {
		if h.expired(t.flow) { // nothing is lost: the page starts afresh
			t.flow = Flow{Next: t.flow.Next}
		}
		return nil
	}
	if err := h.prove(t); err != nil {
		return err
	}
	if err := h.gather(t); err != nil {
		return err
	}
	if h.expired(t.flow) {
		return h.expire(t)
	}
	return nil
}

func (h *Handler) expired(flow Flow) bool {
	return h.Store.Now() >= flow.StartedAt.Add(h.Issuer.Lifetimes.Interaction)
}

// prove makes sure once more that the client may be answered where it asked: an operator may have stopped it or changed its
// registration since the page before.
func (h *Handler) prove(t *turn) error {
	reqlog.From(t.r.Context()).Client = t.flow.Request.ClientID
	found, err := h.Clients.Find(t.r.Context(), t.flow.Request.ClientID)
	if errors.Is(err, store.ErrNotFound) {
		return oauth.InvalidClient("the app is no longer registered here").WithStatus(http.StatusBadRequest).With(oauth.ReasonUnknown)
	}
	if err != nil {
		return err
	}
	if found.Status == store.ClientSuspended {
		return Suspended(found)
	}
	t.client = found
	if t.flow.Request.Device != nil {
		return h.proveDevice(t)
	}
	to, refused := destination.Prove(found.Metadata.RedirectURIs, t.flow.Request.RedirectURI)
	if refused != nil {
		return refused
	}
	t.to = to.Carrying(t.flow.Request.State, h.Issuer.URL).In(h.shape(t.flow.Request.Face))
	return nil
}

// Suspended is the page that an app's users see while the platform has stopped it.
func Suspended(stopped *store.Client) error {
	return &refusedPage{
		status: http.StatusForbidden, page: web.AppSuspended{App: appOf(stopped)},
		reason: oauth.UnauthorizedClient("the app is suspended; its developers can ask the platform why").With(oauth.ReasonClientSuspended),
	}
}

// ShowRefusal shows the page of an error that has one, such as Suspended's, and returns every other error.
func (h *Handler) ShowRefusal(w http.ResponseWriter, r *http.Request, err error) error {
	return h.answer(&turn{w: w, r: r}, err, nil)
}

// gather reads the facts and asks Next.
func (h *Handler) gather(t *turn) error {
	t.facts = Facts{Client: t.client, Catalogue: h.Issuer.Scopes, Roles: h.Issuer.Roles(), RoleBounds: h.Issuer.Policy.RoleScopes, Session: t.session}
	if t.session != nil {
		if err := h.gatherOf(t, t.session.UserID); err != nil {
			return err
		}
	}
	t.outcome = Next(t.flow, t.facts)
	if t.outcome.Account.AccountID != "" {
		t.flow.AccountID = t.outcome.Account.AccountID // so that a page opened later knows whom it was about
	}
	return nil
}

// gatherOf reads both at once, so that they share one round trip to the database.
func (h *Handler) gatherOf(t *turn, userID string) error {
	ctx := t.r.Context()
	var grantsErr, membershipsErr error
	var reading sync.WaitGroup
	reading.Go(func() { t.facts.Grants, grantsErr = h.Store.GrantsWithApp(ctx, h.Issuer.Name, userID, t.client.ID) })
	t.facts.Memberships, membershipsErr = h.Store.Memberships(ctx, h.Issuer.Name, userID)
	reading.Wait()
	return errors.Join(membershipsErr, grantsErr)
}

// expire ends a flow that was left open too long, unless its answer was given in time.
func (h *Handler) expire(t *turn) error {
	code, found, err := h.yesBefore(t)
	if err != nil {
		return err
	}
	if found {
		return h.alreadyAnswered(t, code)
	}
	return &refusedPage{
		status: http.StatusGone, page: web.FlowExpired{App: appOf(t.client), BackURL: homeOf(t.client, t.to.URI())},
		reason: oauth.AccessDenied("the page was open for too long").With(oauth.ReasonExpired),
	}
}

// now is the time of everything in a turn that is not decided in a transaction.
func (h *Handler) now() micros.Time { return h.Store.Now() }

// link is a local page with the flow.
func link(path, r string) string {
	if r == "" {
		return path
	}
	return path + "?" + url.Values{"r": {r}}.Encode()
}

func appOf(client *store.Client) web.App {
	return web.App{ID: client.ID, Name: client.Name, LogoURL: client.Metadata.LogoURI}
}

// homeOf is where the app's own pages begin; "" when they are nowhere on the web.
func homeOf(client *store.Client, redirectURI string) string {
	if client.Metadata.ClientURI != "" {
		return client.Metadata.ClientURI
	}
	u, err := url.Parse(redirectURI)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/"
}
