package fidelity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// callPatience is how long an answer may take. Proxmox itself gives a call to another node 30 s.
const callPatience = 60 * time.Second

// Client talks to an endpoint.
type Client struct {
	base string
	http *http.Client
}

// Trust says which certificates of an https endpoint are good.
type Trust struct {
	// CAFile is a certificate authority in PEM; without it the system's hold.
	CAFile string
	// Insecure takes any certificate.
	Insecure bool
}

// NewClient makes a client of an endpoint such as https://pve.example:8006.
func NewClient(endpoint string, trust Trust) (*Client, error) {
	parts, err := url.Parse(endpoint)
	if err != nil || parts.Scheme != "http" && parts.Scheme != "https" || parts.Host == "" {
		return nil, fmt.Errorf("the endpoint must look like https://host:8006, not %q", endpoint)
	}
	base := strings.TrimRight(parts.Scheme+"://"+parts.Host+parts.Path, "/")
	if strings.Trim(parts.Path, "/") == "" {
		base += "/api2/json"
	}
	config := &tls.Config{InsecureSkipVerify: trust.Insecure, MinVersion: tls.VersionTLS12}
	if trust.CAFile != "" {
		pem, err := os.ReadFile(trust.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", trust.CAFile)
		}
	}
	return &Client{base: base, http: &http.Client{
		Timeout: callPatience,
		// A connection per call: none is reused that the other side closes, so no call is ever sent twice.
		Transport:     &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// call is a request with its placeholders filled in.
type call struct {
	method, path  string
	query, form   map[string]any
	json          map[string]any
	raw           *string
	contentType   string
	authorization string
}

func (c *Client) do(ctx context.Context, what call) (*Answer, error) {
	body, contentType, err := what.body()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, what.method, c.base, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.URL.Opaque = request.URL.Path + quotePath(what.path) // Opaque goes onto the wire as it stands
	request.URL.RawQuery = encode(what.query)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if what.authorization != "" {
		request.Header.Set("Authorization", what.authorization)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	_, reason, _ := strings.Cut(response.Status, " ")
	answer := &Answer{
		Status: response.StatusCode, Reason: strings.ToValidUTF8(strings.TrimSpace(reason), "\uFFFD"),
		ContentType: response.Header.Get("Content-Type"), Text: strings.ToValidUTF8(string(text), "\uFFFD"),
	}
	answer.readBody()
	return answer, nil
}

// withoutURL takes away what net/http puts in front of an error: the port of an endpoint is no part of an observation.
func withoutURL(err error) error {
	var about *url.Error
	if errors.As(err, &about) {
		return about.Err
	}
	return err
}

func (c *call) body() (io.Reader, string, error) {
	switch {
	case c.form != nil:
		return strings.NewReader(encode(c.form)), "application/x-www-form-urlencoded", nil
	case c.json != nil:
		text, err := json.Marshal(c.json)
		if err != nil {
			return nil, "", fmt.Errorf("write the parameters as JSON: %w", err)
		}
		return strings.NewReader(string(text)), "application/json", nil
	case c.raw != nil && c.contentType == "":
		return strings.NewReader(*c.raw), "application/x-www-form-urlencoded", nil
	case c.raw != nil:
		return strings.NewReader(*c.raw), c.contentType, nil
	}
	return nil, "", nil
}

// quotePath escapes what may not stand in a request line and nothing more: UPIDs and volume names stay readable, and what
// a scenario has escaped itself stays escaped.
func quotePath(path string) string {
	const plain = "/:!@=%+,;~-._"
	var quoted strings.Builder
	for _, b := range []byte(path) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(plain, b) >= 0 {
			quoted.WriteByte(b)
		} else {
			fmt.Fprintf(&quoted, "%%%02X", b)
		}
	}
	return quoted.String()
}

// encode writes parameters as a form.
func encode(parameters map[string]any) string {
	values := make(url.Values)
	for key, value := range parameters {
		items, isList := value.([]any)
		if !isList {
			items = []any{value}
		}
		for _, item := range items {
			values.Add(key, plainText(item))
		}
	}
	return values.Encode()
}

// plainText is a value as it stands in a form or a path.
func plainText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return canonical(value)
}
