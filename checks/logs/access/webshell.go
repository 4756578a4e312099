package access

import (
	"bytes"
	"regexp"
)

// shellNames are programs by which intruders come back, as their authors call
// them.
var shellNames = regexp.MustCompile(`(?i)/(?:c99|r57|b374k|wso\d*|webshell|shell|cmd|ant|ice|behinder|godzilla|tunnel(?:\.nosocket)?|eval|backdoor|hack\w*|0x\w+|chopper|caidao|adminer-shell|phpspy|jspspy|aspxspy|x{1,3})\.(?:php\d?|phtml|jspx?|aspx?|ashx|cfm)$`)

// uploads are folders in which no program belongs.
var uploads = regexp.MustCompile(`(?i)/(?:uploads?|uploadfiles?|attachments?|files?|images?|img|avatars?|media|static|css|fonts?|temp|tmp|userfiles|ueditor/[^?]*)/[^?]*\.(?:php\d?|phtml|jspx?|aspx?|ashx|cer|asa)$`)

var scriptDots = [][]byte{[]byte(".php"), []byte(".phtml"), []byte(".jsp"), []byte(".asp"), []byte(".ashx"), []byte(".cfm"), []byte(".cer"), []byte(".asa")}

// webshellCall tells a call of a webshell by where it goes: a program with such
// a name, or one that stands where files are uploaded. Nobody calls one that is
// not there but to look for it, so the answer is asked for too.
func webshellCall(e *Entry) *Attack {
	p := e.Path()
	script := false
	for _, d := range scriptDots {
		if bytes.Contains(p, d) {
			script = true
			break
		}
	}
	if !script {
		return nil
	}
	if len(p) > 1024 {
		p = p[len(p)-1024:]
	}
	if !shellNames.Match(p) && !uploads.Match(p) {
		return nil
	}
	return &Attack{Class: "webshell", Says: "call of a program where none belongs, or with the name of a webshell", Data: shown(p, maxData)}
}

// commands are the short forms that the Core Rule Set lets pass at its first
// level: a command right behind what ends another, and nothing else.
var commands = regexp.MustCompile("(?i)(?:[|;&\n]|\\$\\(|`)\\s*(?:id|whoami|uname|hostname|ifconfig|ipconfig|netstat|ps|ls|dir|pwd|env|set|cat|type|wget|curl|ping|nc|sh|bash|cmd)(?:\\s[^&]*)?(?:$|[|;&)`'\"])")

// wrappers are how PHP is made to read what it should not.
var wrappers = regexp.MustCompile(`(?i)(?:^|[=/])(?:php|expect|phar|zip|glob|data|gopher|dict)://`)

// ours are attacks that the Core Rule Set does not tell by an access record.
func ours(e *Entry) *Attack {
	if w, at := inAgent.find(e.Agent); at >= 0 {
		return &Attack{Class: "scanner", Says: "the client calls itself a scanner", Data: w}
	}
	q := e.Query
	if n := bytes.IndexByte(e.Target, '?'); n >= 0 {
		q = e.Target[n+1:]
	}
	for pair := range bytes.SplitSeq(limit(q, maxInput), []byte("&")) {
		_, v, _ := bytes.Cut(pair, []byte("="))
		v = decode(unescape(v))
		if commands.Match(v) {
			return &Attack{Class: "command", Says: "a command behind what ends another", Data: shown(v, maxData)}
		}
		if wrappers.Match(v) {
			return &Attack{Class: "php", Says: "a wrapper of PHP in a parameter", Data: shown(v, maxData)}
		}
	}
	return nil
}
