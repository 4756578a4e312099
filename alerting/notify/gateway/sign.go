package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sign puts the signature of f's algorithm on r.
func (f form) sign(r *request, region, id, key string, at time.Time) {
	if f.Signature == "tc3" {
		signTC3(r, f.Service, f.Action, f.Version, region, id, key, at)
		return
	}
	signACS3(r, f.Action, f.Version, id, key, at, nonce())
}

// signACS3 is Alibaba Cloud's ACS3-HMAC-SHA256, the signature V3.
func signACS3(r *request, action, version, id, key string, at time.Time, nonce string) {
	const algorithm = "ACS3-HMAC-SHA256"
	payload := hash(r.body)
	for name, value := range map[string]string{
		"x-acs-action": action, "x-acs-version": version, "x-acs-date": at.UTC().Format("2006-01-02T15:04:05Z"),
		"x-acs-signature-nonce": nonce, "x-acs-content-sha256": payload,
	} {
		r.header.Set(name, value)
	}
	canonical, signed := canonicalRequest(r, payload, func(name string) bool { return strings.HasPrefix(name, "x-acs-") || name == "content-type" }, nil)
	signature := hex.EncodeToString(mac([]byte(key), algorithm+"\n"+hash([]byte(canonical))))
	r.header.Set("Authorization", algorithm+" Credential="+id+",SignedHeaders="+signed+",Signature="+signature)
}

// signTC3 is Tencent Cloud's TC3-HMAC-SHA256, the signature v3.
func signTC3(r *request, service, action, version, region, id, key string, at time.Time) {
	const algorithm = "TC3-HMAC-SHA256"
	stamp, day := strconv.FormatInt(at.Unix(), 10), at.UTC().Format(time.DateOnly)
	r.header.Set("X-TC-Action", action)
	r.header.Set("X-TC-Version", version)
	r.header.Set("X-TC-Timestamp", stamp)
	if region != "" {
		r.header.Set("X-TC-Region", region)
	}
	canonical, signed := canonicalRequest(r, hash(r.body), func(name string) bool { return name == "content-type" || name == "x-tc-action" }, strings.ToLower)
	scope := day + "/" + service + "/tc3_request"
	derived := mac(mac(mac([]byte("TC3"+key), day), service), "tc3_request")
	signature := hex.EncodeToString(mac(derived, algorithm+"\n"+stamp+"\n"+scope+"\n"+hash([]byte(canonical))))
	r.header.Set("Authorization", algorithm+" Credential="+id+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
}

// canonicalRequest is the text that both algorithms hash, and the names of the
// headers in it: the host and those that are picked, their values changed by
// fold.
func canonicalRequest(r *request, payload string, pick func(name string) bool, fold func(string) string) (text, signed string) {
	values := map[string]string{"host": r.address.Host}
	for name, v := range r.header {
		if name = strings.ToLower(name); pick(name) {
			values[name] = strings.TrimSpace(strings.Join(v, ","))
		}
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		v := values[name]
		if fold != nil {
			v = fold(v)
		}
		headers.WriteString(name + ":" + v + "\n")
	}
	signed = strings.Join(names, ";")
	path := r.address.EscapedPath()
	if path == "" {
		path = "/"
	}
	return strings.Join([]string{r.method, path, r.address.RawQuery, headers.String(), signed, payload}, "\n"), signed
}

// canonicalQuery is a query in the order of its names, with all but letters,
// digits and -_.~ in percent signs.
func canonicalQuery(q url.Values) string {
	// Encode sorts, and leaves only these to do.
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(q.Encode())
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// nonce is a number that is used once.
func nonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
