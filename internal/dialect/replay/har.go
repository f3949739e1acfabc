package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Recording is what of a HAR file is played.
type Recording struct{ Entries []Entry }

// Entry is one request with the answer that it got.
type Entry struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   string
	Answer Answer
}

// Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// file is the part of HAR 1.2 that matters here.
type file struct {
	Log struct {
		Entries []struct {
			Request struct {
				Method   string   `json:"method"`
				URL      string   `json:"url"`
				Headers  []pair   `json:"headers"`
				PostData postData `json:"postData"`
			} `json:"request"`
			Response struct {
				Status  int     `json:"status"`
				Headers []pair  `json:"headers"`
				Content content `json:"content"`
			} `json:"response"`
		} `json:"entries"`
	} `json:"log"`
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type postData struct {
	MimeType string `json:"mimeType"`
	Text     string `json:"text"`
	Params   []pair `json:"params"`
}

type content struct {
	Text     string `json:"text"`
	Encoding string `json:"encoding"`
}

// Read reads a HAR file.
func Read(data []byte) (*Recording, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark may be ignored (RFC 8259 §8.1)
	var written file
	if err := json.Unmarshal(data, &written); err != nil {
		return nil, notHAR(data, err)
	}
	recording := &Recording{}
	for i, entry := range written.Log.Entries {
		at, err := url.Parse(entry.Request.URL)
		if err != nil || at.Host == "" {
			return nil, fmt.Errorf("entry %d has no address that can be read", i+1)
		}
		answered, err := entry.Response.Content.decoded()
		if err != nil {
			return nil, fmt.Errorf("entry %d: its content is not the base64 that it says: %w", i+1, err)
		}
		recording.Entries = append(recording.Entries, Entry{
			Method: entry.Request.Method, URL: at, Header: headers(entry.Request.Headers), Body: entry.Request.PostData.body(),
			Answer: Answer{Status: entry.Response.Status, Header: headers(entry.Response.Headers), Body: answered},
		})
	}
	if len(recording.Entries) == 0 {
		return nil, fmt.Errorf("this HAR file has no entries")
	}
	return recording, nil
}

// notHAR says where the file is none, and how to come by one that is.
func notHAR(data []byte, err error) error {
	offset, what := int64(len(data)), err.Error()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset, what = kind.Offset, kind.Field+" holds a "+kind.Value
	}
	line := 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
	return fmt.Errorf("line %d: this is not a HAR file: %s: save one with a browser's developer tools or a debugging proxy", line, what)
}

func headers(pairs []pair) http.Header {
	header := http.Header{}
	for _, p := range pairs {
		if !strings.HasPrefix(p.Name, ":") { // HTTP/2's own
			header.Add(p.Name, p.Value)
		}
	}
	return header
}

// body is the text, or what the fields of a form make.
func (p postData) body() string {
	if p.Text != "" || len(p.Params) == 0 {
		return p.Text
	}
	form := url.Values{}
	for _, field := range p.Params {
		form.Add(field.Name, field.Value)
	}
	return form.Encode()
}

func (c content) decoded() (string, error) {
	if c.Encoding != "base64" {
		return c.Text, nil
	}
	text, err := base64.StdEncoding.DecodeString(c.Text)
	return string(text), err
}
