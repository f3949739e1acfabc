package dialect

import (
	"context"
	"net/http"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/throttle"
)

// served is a route with the operation that does it.
type served struct {
	*route

	face    *Face
	do      Function
	counter *counter // nil: no limit
}

// ServeHTTP answers one request, whole or with an error.
func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cors {
		w.Header().Set("Access-Control-Allow-Origin", "*") // no cookie counts on such a route that another site could use
	}
	if err := s.answer(w, r); err != nil {
		s.face.writeError(w, r, s.name, err)
	}
}

func (s *served) answer(w http.ResponseWriter, r *http.Request) error {
	var left allowance
	if s.counter != nil {
		var err error
		if left, err = s.counter.take(throttle.Address(r.Context())); err != nil {
			return err
		}
	}
	call, err := s.read(r, s.face.needs)
	if err != nil {
		return err
	}
	answer, err := s.do(r.Context(), call)
	if err != nil {
		return err
	}
	if s.counter != nil {
		answer.Members = withRate(answer.Members, left)
	}
	return s.write(w, r, answer)
}

func withRate(members map[string]any, left allowance) map[string]any {
	if members == nil {
		members = map[string]any{}
	}
	members["rate"] = left.members()
	return members
}

// read makes a call of a request.
func (r *route) read(request *http.Request, needs []string) (Call, error) {
	for _, name := range needs {
		if request.Header.Get(name) == "" {
			return Call{}, oauth.InvalidRequest("the header %s is missing", http.CanonicalHeaderKey(name))
		}
	}
	input, err := r.inputOf(request)
	if err != nil {
		return Call{}, err
	}
	mapped, err := r.request.object(request.Context(), r.name, input)
	if err != nil {
		return Call{}, err
	}
	members, err := r.take(mapped, input["body"])
	return Call{Route: r.name, HTTP: request, members: members}, err
}

// write maps the answer and sends it. What was done stays done even if the client has gone meanwhile, so mapping does not stop.
func (s *served) write(w http.ResponseWriter, r *http.Request, answer Answer) error {
	if answer.Members == nil {
		answer.Members = map[string]any{}
	}
	ctx := context.WithoutCancel(r.Context())
	mapped, err := s.response.object(ctx, s.name, answer.Members)
	if err != nil {
		return notRefusing(s.name, s.response, err)
	}
	body, err := s.response.encode(s.name, mapped)
	if err != nil {
		return err
	}
	if s.headers != nil {
		headers, err := s.headers.texts(ctx, s.name, answer.Members)
		if err != nil {
			return notRefusing(s.name, s.headers, err)
		}
		for name, value := range headers {
			w.Header().Set(name, value)
		}
	}
	for _, cookie := range answer.Cookies {
		http.SetCookie(w, cookie)
	}
	return send(w, s.status, body)
}

// page takes a browser on.
func (f *Face) page(w http.ResponseWriter, request *http.Request, r *route, do PageFunction) error {
	call, err := r.read(request, f.needs)
	if err != nil {
		return err
	}
	return do(w, request, call)
}
