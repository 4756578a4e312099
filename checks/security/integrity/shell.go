package integrity

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// scripts are the extensions that a web server hands to an interpreter.
var scripts = map[string]bool{
	".php": true, ".php3": true, ".php4": true, ".php5": true, ".php7": true, ".phtml": true, ".phar": true, ".inc": true,
	".jsp": true, ".jspx": true, ".jspf": true, ".jsw": true, ".war": true,
	".asp": true, ".aspx": true, ".ashx": true, ".asmx": true, ".asa": true, ".cer": true, ".cdx": true, ".soap": true,
	".cgi": true, ".pl": true, ".py": true, ".rb": true, ".sh": true, ".cfm": true, ".htaccess": true,
}

// isScript tells a file that a web server may run; a name with a second
// extension (a.php.jpg) is run by badly set up ones.
func isScript(name string) bool {
	name = strings.ToLower(path.Base(name))
	if scripts[name] {
		return true
	}
	for ext := path.Ext(name); ext != ""; ext = path.Ext(name) {
		if scripts[ext] {
			return true
		}
		name = strings.TrimSuffix(name, ext)
	}
	return false
}

// construct is something that webshells do and honest pages hardly ever.
type construct struct {
	name string
	// needs are literals of which one is there in every match, lower case.
	needs []string
	re    *regexp.Regexp
}

const request = `(?:\$_(?:post|get|request|cookie|server|files)\b|\$\{?["']?_(?:post|get|request)|file_get_contents\s*\(\s*["']php://input)`

var constructs = []construct{
	{"php-eval-request", []string{"eval", "assert", "create_function", "call_user_func"}, regexp.MustCompile(`(?i)\b(?:eval|assert|create_function|call_user_func(?:_array)?)\s*\(\s*(?:@|\w+\s*\(|\s|["'.])*` + request)},
	{"php-exec-request", []string{"system", "exec", "popen", "proc_open", "pcntl"}, regexp.MustCompile(`(?i)\b(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec)\s*\(\s*(?:@|\w+\s*\(|\s|["'.])*` + request)},
	{"php-call-request", []string{"$_"}, regexp.MustCompile(`(?i)(?:^|[;{}\s@(])\$_(?:post|get|request|cookie)\s*\[[^\]\n]{1,60}\]\s*\(\s*(?:@|\s)*\$_(?:post|get|request|cookie)`)},
	{"php-eval-packed", []string{"base64_decode", "gzinflate", "str_rot13", "gzuncompress"}, regexp.MustCompile(`(?i)\b(?:eval|assert)\s*\(\s*(?:@?\w+\s*\(\s*){0,4}(?:base64_decode|gzinflate|gzuncompress|str_rot13)\s*\(`)},
	{"php-preg-replace-e", []string{"preg_replace"}, regexp.MustCompile(`(?i)preg_replace\s*\(\s*["']([/#~|]).{0,40}[/#~|][imsux]*e[imsux]*["']\s*,\s*(?:@|\s|["'.])*\$`)},
	{"jsp-exec-request", []string{"getparameter", "getheader"}, regexp.MustCompile(`(?is)(?:getRuntime\s*\(\s*\)\s*\.\s*exec|new\s+ProcessBuilder)\s*\([^;]{0,120}request\s*\.\s*get(?:Parameter|Header)`)},
	{"jsp-exec-variable", []string{"getruntime", "processbuilder"}, regexp.MustCompile(`(?is)request\s*\.\s*get(?:Parameter|Header)\s*\(.{0,600}(?:getRuntime\s*\(\s*\)\s*\.\s*exec|ProcessBuilder\s*\()`)},
	{"jsp-load-class", []string{"defineclass"}, regexp.MustCompile(`(?is)extends\s+ClassLoader.{0,600}defineClass|defineClass.{0,600}request\s*\.\s*get`)},
	{"asp-eval-request", []string{"eval", "execute"}, regexp.MustCompile(`(?i)\b(?:eval|execute|executeglobal)\s*\(?\s*(?:\(|\s|@)*request\s*(?:\.\s*(?:form|item|querystring)\s*)?[\[(]`)},
	{"aspx-start-process", []string{"process.start", "processstartinfo"}, regexp.MustCompile(`(?is)request\s*(?:\.\s*(?:form|querystring|params))?\s*\[.{0,600}process(?:\.start|startinfo)|process(?:\.start|startinfo).{0,600}request\s*(?:\.\s*(?:form|querystring|params))?\s*\[`)},
}

var openers = [][]byte{[]byte("<?php"), []byte("<?="), []byte("<%"), []byte("<jsp:"), []byte("<script language=\"php\"")}

// shellIn names the webshell construct in a file of a web root; empty if none.
// Pictures and other files that hold program text are read too: they are how
// shells get past an upload filter.
func shellIn(name string, text []byte) string {
	hidden := !isScript(name)
	if hidden && !opens(text) {
		return ""
	}
	low := bytes.ToLower(text)
	for _, c := range constructs {
		for _, need := range c.needs {
			if bytes.Contains(low, []byte(need)) {
				if c.re.Match(text) {
					return c.name
				}
				break
			}
		}
	}
	if hidden && (bytes.HasPrefix(text, []byte("GIF8")) || bytes.HasPrefix(text, []byte("\xff\xd8\xff")) || bytes.HasPrefix(text, []byte("\x89PNG"))) &&
		bytes.Contains(low, []byte("<?php")) {
		return "program-in-picture"
	}
	return ""
}

func opens(text []byte) bool {
	for _, o := range openers {
		if bytes.Contains(text, o) {
			return true
		}
	}
	return false
}
