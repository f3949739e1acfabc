package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey.dev/internal/dialect"
)

// Config says what is played where.
type Config struct {
	Dialect *dialect.Dialect
	// Targets are base URLs of the new server by the dialect's host; the one at "" is for every host that has none of its own.
	Targets map[string]string
	// Replace writes what stands in the recording as what the new server knows: identifiers, secrets, a fresh code.
	Replace map[string]string
	Client  *http.Client
}

// Result is what came of one recorded request.
type Result struct {
	Request string `json:"request"` // method and path
	Status  int    `json:"status,omitempty"`
	// Skipped says why it was not played.
	Skipped string `json:"skipped,omitempty"`
	// Differences are where the new answer has another shape; none is as it should be.
	Differences []string `json:"differences,omitempty"`
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// player plays one recording.
type player struct {
	Config

	learned map[string]string
}

// Play sends the recorded requests, in their order. What the old server gave out, such as a refresh token, is sent as what the new one
// gave out in its place. The error is that of a target that cannot be reached.
func Play(ctx context.Context, recording *Recording, config Config) ([]Result, error) {
	p := &player{config, map[string]string{}}
	maps.Copy(p.learned, config.Replace)
	results := make([]Result, len(recording.Entries))
	for i, entry := range recording.Entries {
		var err error
		if results[i], err = p.play(ctx, entry); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (p *player) play(ctx context.Context, entry Entry) (Result, error) {
	result := Result{Request: entry.Method + " " + entry.URL.Path}
	route, found := p.route(entry)
	switch {
	case !found:
		result.Differences = []string{"the dialect has no route for this"}
		return result, nil
	case route.Page:
		result.Skipped = "a person has to be there"
		return result, nil
	}
	answer, err := p.send(ctx, route, entry)
	if err != nil {
		return result, err
	}
	result.Status = answer.Status
	result.Differences = compare(entry.Answer, answer)
	p.learn(entry.Answer, answer)
	return result, nil
}

func (p *player) route(entry Entry) (dialect.Route, bool) {
	routes := p.Dialect.Routes()
	i := slices.IndexFunc(routes, func(r dialect.Route) bool { return r.Method == entry.Method && r.Path == entry.URL.Path })
	if i < 0 {
		return dialect.Route{}, false
	}
	return routes[i], true
}

// target is where a route answers now.
func (p *player) target(route dialect.Route) (string, error) {
	for _, host := range route.Hosts {
		if at, ok := p.Targets[host]; ok {
			return at, nil
		}
	}
	if at, ok := p.Targets[""]; ok {
		return at, nil
	}
	return "", fmt.Errorf("%s %s answers at %s: say where that is", route.Method, route.Path, strings.Join(route.Hosts, " or "))
}

// here tells an address from a name.
func here(host string) bool { return host == "localhost" || net.ParseIP(host) != nil }

// droppedHeaders belong to the connection that was recorded.
var droppedHeaders = []string{"Host", "Content-Length", "Connection", "Accept-Encoding", "Transfer-Encoding", "Te", "Upgrade", "Keep-Alive"}

func (p *player) send(ctx context.Context, route dialect.Route, entry Entry) (Answer, error) {
	base, err := p.target(route)
	if err != nil {
		return Answer{}, err
	}
	at := strings.TrimSuffix(base, "/") + entry.URL.EscapedPath()
	if entry.URL.RawQuery != "" {
		at += "?" + p.rewritten(entry.URL.RawQuery)
	}
	request, err := http.NewRequestWithContext(ctx, entry.Method, at, strings.NewReader(p.rewritten(entry.Body)))
	if err != nil {
		return Answer{}, fmt.Errorf("target %s: %w", base, err)
	}
	if here(request.URL.Hostname()) { // before the name moves over, the new server is known by its address only
		request.Host = entry.URL.Host
	}
	for name, values := range entry.Header {
		if slices.Contains(droppedHeaders, name) {
			continue
		}
		for _, value := range values {
			request.Header.Add(name, p.rewritten(value))
		}
	}
	response, err := p.Client.Do(request)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok { // its text would quote the query
			err = failed.Err
		}
		return Answer{}, fmt.Errorf("%s cannot be reached: %w", base, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("%s stopped in the middle of an answer: %w", base, err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}, nil
}

// rewritten is a text of the recording with the new server's values, as they stand in plain text, JSON and forms. The longest are
// replaced first: one may be part of another.
func (p *player) rewritten(text string) string {
	var pairs [][2]string
	for was, is := range p.learned {
		pairs = append(pairs, [2]string{was, is}, [2]string{inJSON(was), inJSON(is)}, [2]string{url.QueryEscape(was), url.QueryEscape(is)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if len(a[0]) != len(b[0]) {
			return len(b[0]) - len(a[0])
		}
		return strings.Compare(a[0], b[0])
	})
	flat := make([]string, 0, 2*len(pairs))
	for _, pair := range pairs {
		flat = append(flat, pair[0], pair[1])
	}
	return strings.NewReplacer(flat...).Replace(text)
}

func inJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return string(quoted[1 : len(quoted)-1])
}

// leastLearned keeps words such as "bearer" from being taken for a token.
const leastLearned = 12

// learn pairs what the old server gave out with what the new one gave out in its place.
func (p *player) learn(recorded, now Answer) {
	old, ok := decode(recorded.Body)
	current, also := decode(now.Body)
	if ok && also {
		p.learnValues(old, current)
	}
	fresh := (&http.Response{Header: now.Header}).Cookies()
	for _, cookie := range (&http.Response{Header: recorded.Header}).Cookies() {
		i := slices.IndexFunc(fresh, func(c *http.Cookie) bool { return c.Name == cookie.Name })
		if i >= 0 && len(cookie.Value) >= leastLearned {
			p.learned[cookie.Value] = fresh[i].Value
		}
	}
}

func (p *player) learnValues(old, current any) {
	switch old := old.(type) {
	case map[string]any:
		object, _ := current.(map[string]any)
		for name, value := range old {
			p.learnValues(value, object[name])
		}
	case []any:
		list, _ := current.([]any)
		for i := range min(len(old), len(list)) {
			p.learnValues(old[i], list[i])
		}
	case string:
		if text, ok := current.(string); ok && len(old) >= leastLearned && text != "" {
			p.learned[old] = text
		}
	}
}
