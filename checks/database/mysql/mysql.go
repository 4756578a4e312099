// Package mysql looks at MySQL and MariaDB servers: whether they answer, how
// far they are from their limits, whether their replicas follow, and who waits
// for whom. Figures carry mysqld_exporter's names.
//
// A server is looked at over one connection that is kept from look to look, in
// a session that cannot write and whose statements and lock waits are cut off
// early: watching must not be what brings a sick database down.
package mysql

import (
	"xunjian/checks"
)

// Checks returns one check for each server of list, which connects at its first
// run. Each of list must be valid.
func Checks(list []Instance) []checks.Check {
	var all []checks.Check
	for _, i := range list {
		all = append(all, newCheck(i.filled()))
	}
	return all
}

// Discover returns the check of what is on this machine beside the servers that
// are configured.
func Discover(configured []Instance) checks.Check {
	return newFinder(configured, discoverySockets, discoveryPort)
}
