package notifytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/roster"
)

// quiet keeps what a broken server says of itself out of a test's output.
var quiet = log.New(io.Discard, "", 0)

// Side is the other side of a channel that speaks HTTP: where it is, and whose
// certificate to trust, as a PEM file; empty over plain HTTP.
type Side struct{ URL, CAFile string }

// HTTPFaults runs a channel that speaks HTTP against a side that is broken in
// every way a network knows. Each has to come to an error that is tried again,
// within the time given, and to show no secret.
func HTTPFaults(t *testing.T, to roster.Person, secrets []string, open func(t *testing.T, s Side) channel.Channel) {
	for name, side := range map[string]func(t *testing.T) Side{
		"refused": func(t *testing.T) Side { return Side{URL: "http://" + closedPort(t)} },
		"hangs before its head": func(t *testing.T) Side {
			over := make(chan struct{})
			s := served(t, func(http.ResponseWriter, *http.Request) { <-over })
			t.Cleanup(func() { close(over) })
			return s
		},
		"hangs in its body": func(t *testing.T) Side {
			over := make(chan struct{})
			s := served(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "4096")
				w.WriteHeader(http.StatusOK)
				_, _ = w.Write([]byte(`{"ok":true,"errcode":0,"code":0,`))
				w.(http.Flusher).Flush()
				<-over
			})
			t.Cleanup(func() { close(over) })
			return s
		},
		"cuts its body off": func(t *testing.T) Side {
			return served(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "4096")
				_, _ = w.Write([]byte(`{"ok":true,`))
				panic(http.ErrAbortHandler)
			})
		},
		"is asked too often": func(t *testing.T) Side {
			return served(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(http.StatusTooManyRequests)
			})
		},
		"breaks": func(t *testing.T) Side {
			return served(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		},
		"has an expired certificate": expired,
		"has no name": func(*testing.T) Side {
			return Side{URL: "https://xunjian.invalid"} // RFC 6761: never resolves
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := side(t)
			began := time.Now()
			p := Place{Person: to, Secrets: secrets}
			err := deliver(t, open(t, at), Message(p, "zh-CN", 1), 2*time.Second)
			temporary(t, p, err)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it came back after %v, with 2 s to go", took)
			}
			var later *channel.RetryAfter
			if name == "is asked too often" && (!errors.As(err, &later) || later.After < 20*time.Second) {
				t.Errorf("asked to wait 30 s it says %v", err)
			}
			if at.CAFile != "" && !strings.Contains(err.Error(), "certificate") {
				t.Errorf("error %v, want one about the certificate", err)
			}
		})
	}
}

func served(t *testing.T, h http.HandlerFunc) Side {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = quiet
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return Side{URL: server.URL}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// expired is a side whose certificate was good until yesterday.
func expired(t *testing.T) Side {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "expired"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().AddDate(0, 0, -10), NotAfter: time.Now().AddDate(0, 0, -1), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request came through under a certificate that has expired")
	}))
	server.Config.ErrorLog = quiet
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return Side{URL: server.URL, CAFile: ca}
}
