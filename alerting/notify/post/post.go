// Package post sends one request to an address that may itself be a secret,
// and reads what is said to it. Errors never show the address.
package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// The limits of a request; the caller's context is over all of it.
const (
	connectWithin = 10 * time.Second
	answerWithin  = 20 * time.Second
	maxAnswer     = 64 << 10
)

// Client posts. It keeps no connection: minutes lie between two notices.
type Client struct{ http http.Client }

// Answer is what the other side said, its body cut at 64 KiB.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// New returns a client that trusts the certificates of caFile, or those of
// this machine if it is empty.
func New(caFile string) (*Client, error) {
	roots, err := Roots(caFile)
	if err != nil {
		return nil, err
	}
	return &Client{http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectWithin}).DialContext,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: connectWithin,
			ResponseHeaderTimeout: answerWithin, DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer,
		},
		// Elsewhere is not where the notice is to go, and a signature is for here.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Over makes the client reach everything by dial.
func (c *Client) Over(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.http.Transport.(*http.Transport).DialContext = dial
}

// Roots are the certificates of a PEM file; nil means those of this machine.
func Roots(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("%w; allowed: a file of certificates in PEM", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate; allowed: a file of certificates in PEM", caFile)
	}
	return pool, nil
}

// Do posts body to address.
func (c *Client) Do(ctx context.Context, address string, header http.Header, body []byte) (Answer, error) {
	return c.Send(ctx, http.MethodPost, address, header, body)
}

// Send is Do by another method, like GET.
func (c *Client) Send(ctx context.Context, method, address string, header http.Header, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, errors.New("the address is none")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Answer{}, plain(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", plain(err))
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: b}, nil
}

// plain is the error without the address.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Wait is how long the other side asks to be left alone, by Retry-After as
// seconds or as a date; 0 if it does not say.
func (a Answer) Wait(now time.Time) time.Duration {
	said := a.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(said, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// Address checks that s is an address to post to: https, or http to this
// machine itself.
func Address(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not an address; allowed: like https://hook.example.org/path")
	case u.User != nil:
		return errors.New("has a user before the host; allowed: an address without one")
	case u.Fragment != "":
		return errors.New("has a # part, which is never sent; leave it out")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("would be sent in the clear; allowed: https, and http to this machine itself")
	}
	return nil
}
