package access

// The cheap look at every request: hardly any byte of an ordinary one may be
// part of an attack. What it lets through is looked at by the rule set, which
// costs a thousand times as much.

// odd are bytes that ordinary targets do not have.
var odd = func() (t [256]bool) {
	for _, c := range "'\"<>()`|{}\\$;*^\x00\r\n" {
		t[byte(c)] = true
	}
	return t
}()

// words are literals that attacks have without any odd byte, lower case.
var words = []string{
	// traversal and files that nobody should ask for
	"../", "..%", "/..", "%2e%2e", "/.git", "/.svn", "/.env", "/.ht", "/.ssh", "/.aws", "/.ds_store", "etc/passwd", "etc/shadow", "etc%2f", "win.ini", "boot.ini", "web-inf", "meta-inf", "web.config", "proc/self", "wp-config", "id_rsa",
	".bak", ".sql", ".swp", ".old",
	// inclusion
	"php:", "php%3a", "file:", "file%3a", "data:", "data%3a", "expect:", "expect%3a", "gopher", "dict:", "dict%3a", "phar", "glob%3a", "=http", "=ftp", "allow_url",
	// SQL
	"union", "select", "sleep", "benchmark", "waitfor", "information_schema", "group_concat", "concat", "extractvalue", "updatexml", "xp_cmd", "load_file", "outfile", "order+by", "order%20by", "having", "insert+", "insert%20", "drop+", "drop%20", "delete+", "delete%20",
	"+or+", "%20or%20", "+and+", "%20and%20", "--", "%23", "/*", "%2f*", "0x",
	// script
	"script", "onerror", "onload", "onmouse", "onfocus", "onclick", "alert", "javascript", "vbscript", "iframe", "svg", "document.",
	// commands and code
	"cmd", "exec", "system", "passthru", "eval", "assert", "phpinfo", "base64", "wget", "curl", "/bin/", "nslookup", "whoami", "powershell", "jndi", "ognl", "%{", "#{", "invokefunction", "runtime", "classloader", "shell", "call_user_func", "thinkphp", "actuator", "jolokia", "druid", "solr", "nacos", "phpunit", "cgi-bin",
	// webshells by name
	"c99", "r57", "b374k", "wso.", "godzilla", "behinder", "antsword", "weevely", "regeorg", "tunnel.", "ant.jsp", "ice.jsp", "hack",
}

// agents are what scanners call themselves, lower case.
var agents = []string{
	"sqlmap", "nikto", "nmap", "masscan", "zgrab", "acunetix", "nessus", "openvas", "dirbuster", "gobuster", "ffuf", "feroxbuster", "wfuzz", "wpscan", "hydra", "nuclei", "arachni", "w3af", "havij", "netsparker", "appscan", "webinspect", "burp", "zaproxy", "owasp zap", "jorgee", "xray", "goby", "dirsearch", "whatweb", "skipfish", "paros", "pangolin", "zmeu", "morfeus", "awvs", "sqlninja", "commix", "httpx", "fimap", "metasploit",
}

// matcher finds any of some literals, without regard to case, by the pair of
// bytes that they begin with.
type matcher struct {
	pairs [1 << 16 / 64]uint64
	by    map[uint16][]string
}

func newMatcher(lists ...[]string) *matcher {
	m := &matcher{by: map[uint16][]string{}}
	for _, list := range lists {
		for _, w := range list {
			k := pair(w[0], w[1])
			m.pairs[k>>6] |= 1 << (k & 63)
			m.by[k] = append(m.by[k], w)
		}
	}
	return m
}

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

var lower = func() (t [256]byte) {
	for n := range t {
		t[n] = byte(n)
		if n >= 'A' && n <= 'Z' {
			t[n] += 'a' - 'A'
		}
	}
	return t
}()

// find returns the literal that b holds first, and where; -1 if none.
func (m *matcher) find(b []byte) (string, int) {
	for n := 0; n+1 < len(b); n++ {
		k := pair(lower[b[n]], lower[b[n+1]])
		if m.pairs[k>>6]&(1<<(k&63)) == 0 {
			continue
		}
		for _, w := range m.by[k] {
			if hasFold(b[n:], w) {
				return w, n
			}
		}
	}
	return "", -1
}

func hasFold(b []byte, w string) bool {
	if len(b) < len(w) {
		return false
	}
	for n := range len(w) {
		if lower[b[n]] != w[n] {
			return false
		}
	}
	return true
}

var (
	inTarget = newMatcher(words)
	inAgent  = newMatcher(agents)
)

// suspicious is the cheap look at a request.
func suspicious(e *Entry) bool {
	return oddTarget(e.Target) || oddTarget(e.Query) || has(inTarget, e.Target) || has(inTarget, e.Query) || has(inAgent, e.Agent) || oddAgent(e.Agent) || oddReferer(e.Referer)
}

func has(m *matcher, b []byte) bool {
	_, at := m.find(b)
	return at >= 0
}

// oddTarget looks for an odd byte, as it is or by its number. A percent sign
// that is itself written by its number hides something.
func oddTarget(b []byte) bool {
	for n := 0; n < len(b); n++ {
		c := b[n]
		if odd[c] {
			return true
		}
		if c != '%' || n+2 >= len(b) {
			continue
		}
		hi, lo := unhex(b[n+1]), unhex(b[n+2])
		if hi < 0 || lo < 0 {
			if lower[b[n+1]] == 'u' {
				return true // %u0027: how IIS reads it
			}
			continue
		}
		if v := byte(hi<<4 | lo); odd[v] || v == '%' || v < ' ' || v == 0xc0 || v == 0xc1 {
			return true
		}
		n += 2
	}
	return false
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// oddAgent looks for what no browser calls itself: browsers have brackets and
// semicolons in their names, but neither quotes nor tags nor ${jndi.
func oddAgent(b []byte) bool {
	for n, c := range b {
		switch c {
		case '<', '`', '$', '|', '\'', '"', '\\':
			return true
		case '{':
			return n > 0
		}
	}
	return false
}

func oddReferer(b []byte) bool {
	for _, c := range b {
		if c == '<' || c == '`' || c == '\\' || c == '$' || c == '\'' {
			return true
		}
	}
	return false
}
