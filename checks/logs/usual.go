package logs

import (
	"os"
	"path/filepath"

	"xunjian/checks/logs/tail"
)

// usual are the logs of the distributions in use: Debian and Ubuntu, RHEL and
// its kin (Kylin, openEuler, UOS), with the servers that they package.
func usual() []tail.Source {
	return []tail.Source{
		{Name: "auth", Kind: "auth", Files: []string{"/var/log/auth.log", "/var/log/secure"}},
		{Name: "system", Kind: "system", Files: []string{"/var/log/syslog", "/var/log/messages"}},
		{Name: "cron", Kind: "system", Files: []string{"/var/log/cron"}},
		{Name: "audit", Kind: "audit", Files: []string{"/var/log/audit/audit.log"}},
		{Name: "postgresql", Kind: "postgresql", Files: []string{"/var/log/postgresql/*.log", "/var/lib/pgsql/data/log/*.log", "/var/lib/pgsql/*/data/log/*.log"}},
		{Name: "mysql", Kind: "mysql", Files: []string{"/var/log/mysql/error.log", "/var/log/mysqld.log", "/var/log/mariadb/mariadb.log"}},
		{Name: "nginx-error", Kind: "nginx-error", Files: []string{"/var/log/nginx/*error.log", "/var/log/nginx/error.log"}},
		{Name: "apache-error", Kind: "apache-error", Files: []string{"/var/log/apache2/*error.log", "/var/log/httpd/*error_log"}},
		{Name: "nginx-access", Kind: "access-nginx", Files: []string{"/var/log/nginx/*access.log", "/var/log/nginx/access.log"}},
		{Name: "apache-access", Kind: "access-apache", Files: []string{"/var/log/apache2/*access.log", "/var/log/httpd/*access_log"}},
		{Name: "tomcat-access", Kind: "access-tomcat", Files: []string{"/var/log/tomcat*/localhost_access_log.*.txt"}},
		{Name: "tomcat", Kind: "tomcat", Files: []string{"/var/log/tomcat*/catalina.out"}},
	}
}

// Usual returns the usual logs that this machine has. Where there is no file of
// the system, the journal is read, and without that the kernel's ring.
func Usual() []tail.Source {
	var out []tail.Source
	system := false
	for _, s := range usual() {
		if !there(s.Files) {
			continue
		}
		out = append(out, s)
		system = system || s.Name == "auth" || s.Name == "system"
	}
	if system {
		return out
	}
	if there([]string{"/var/log/journal/*", "/run/log/journal/*"}) {
		return append([]tail.Source{{Name: "journal", Kind: "system", Journal: true}}, out...)
	}
	return out
}

func there(patterns []string) bool {
	for _, p := range patterns {
		found, _ := filepath.Glob(p) // the patterns are ours
		for _, f := range found {
			if _, err := os.Stat(f); err == nil {
				return true
			}
		}
	}
	return false
}
