package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// listener is where a process listens, as the kernel tells.
type listener struct {
	pid     int
	program string // up, node, or what else runs
	network string // tcp or unix
	address string
}

func (l listener) String() string {
	return fmt.Sprintf("%s %s of %s (process %d)", l.network, l.address, l.program, l.pid)
}

// listeners finds everything that the processes of a data directory listen on.
func (s *site) listeners() (found []listener) {
	s.t.Helper()
	for _, pid := range s.processes() {
		mine := map[string]bool{}
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
				mine[strings.Trim(to, "socket:[]")] = true
			}
		}
		program := "service"
		if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
			list := strings.Split(string(args), "\x00")
			if len(list) > 1 && list[0] == binary {
				program = list[1]
			}
			if list[0] == "slipway-sockets" {
				program = list[0]
			}
		}
		for _, table := range []string{"tcp", "tcp6"} {
			for _, f := range rows(fmt.Sprintf("/proc/%d/net/%s", pid, table)) {
				if len(f) > 9 && f[3] == "0A" && mine[f[9]] {
					found = append(found, listener{pid, program, "tcp", fromHex(s.t, f[1])})
				}
			}
		}
		for _, f := range rows(fmt.Sprintf("/proc/%d/net/unix", pid)) {
			if len(f) > 6 && f[3] == "00010000" && mine[f[6]] { // it accepts connections
				path := "(without a name)"
				if len(f) > 7 {
					path = f[7]
				}
				found = append(found, listener{pid, program, "unix", path})
			}
		}
	}
	return found
}

func rows(table string) (all [][]string) {
	text, _ := os.ReadFile(table)
	for line := range strings.Lines(string(text)) {
		all = append(all, strings.Fields(line))
	}
	return all
}

// fromHex reads an address of /proc/net/tcp.
func fromHex(t testing.TB, text string) string {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+4 <= len(raw); i += 4 { // each word in the machine's order
		slices.Reverse(raw[i : i+4])
	}
	a, _ := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)).String()
}

// processes are those that work on the data directory, and their children.
func (s *site) processes() (pids []int) {
	parents := map[int]int{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		for _, f := range rows(dir + "/status") {
			if len(f) == 2 && f[0] == "PPid:" {
				parents[pid], _ = strconv.Atoi(f[1])
			}
		}
		for _, name := range []string{"/cmdline", "/environ"} {
			if text, err := os.ReadFile(dir + name); err == nil && pid != os.Getpid() && strings.Contains(string(text), s.data) && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents {
			if slices.Contains(pids, parent) && !slices.Contains(pids, pid) {
				pids, grown = append(pids, pid), true
			}
		}
	}
	slices.Sort(pids)
	return pids
}

// TestStrangers connects to everything that a running platform listens on, as
// somebody without credentials. docs/network.md has the same table; what is in
// neither fails.
func TestStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := newRepository(t, map[string]string{"app.py": replaying(slowStart("one")), "requirements.txt": "flask==3.1.2\n", "Procfile": "web: python app.py\n"})
	s.must("service", "add", repo.url(), "--name", "open")
	s.must("promote", "open", "--follow")

	engine, instances := 0, 0
	for _, l := range s.listeners() {
		at := filepath.Base(l.address)
		switch at { // which are opened by a descriptor of their directory
		case "api.sock":
			l.address = filepath.Join(s.data, at)
		case "node.sock", "edge.sock":
			l.address = filepath.Join(s.data, "node", at)
		}
		switch {
		case l.program == "up" && l.network == "tcp" && onLoopback(l.address, s.listen):
			s.unanswered(l, "/api/v1/services", "/api/v1/audit", "/metrics", "/api/v1/promotions")
		case l.program == "up" && l.network == "unix" && at == "api.sock":
			s.ownersAlone(l)
			s.unanswered(l, "/api/v1/services", "/metrics", "/healthz", "/")
		case l.program == "up" && l.network == "tcp" && netip.MustParseAddrPort(l.address).Addr().IsLoopback():
			engine++ // frontend, history, matching and worker of the workflow engine
			s.silent(l)
		case l.program == "node" && l.network == "tcp" && onLoopback(l.address, s.edge):
			s.edgeKnowsNobody(l)
		case l.program == "slipway-sockets" && l.network == "tcp" && onLoopback(l.address, s.edge): // the agent's, and the same ones
		case l.program == "slipway-sockets" && l.network == "unix" && at == "edge.sock":
			s.ownersAlone(l)
			s.givesNothing(l)
		case l.program == "node" && l.network == "unix" && at == "node.sock":
			s.ownersAlone(l)
			s.unanswered(l, "/status", "/shutdown", "/deploy", "/logs", "/")
		case l.program == "service" && l.network == "tcp" && netip.MustParseAddrPort(l.address).Addr().IsLoopback():
			instances++ // an instance answers on this machine what it answers at the edge
		case l.program == "service" && l.network == "unix" && strings.HasPrefix(l.address, s.data):
			instances++
		default:
			t.Errorf("%s is in no table: say in docs/network.md who may speak there, and how others are kept out", l)
		}
	}
	if engine != 4 || instances == 0 {
		t.Errorf("%d ports of the engine, %d of instances", engine, instances)
	}
	s.replaysNothing("open")
}

// onLoopback tells whether an address is another one, or has its port on the other of
// the addresses that names below localhost mean.
func onLoopback(address, other string) bool {
	a, b := netip.MustParseAddrPort(address), netip.MustParseAddrPort(other)
	return a.Port() == b.Port() && a.Addr().IsLoopback() && b.Addr().IsLoopback()
}

func (l listener) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, l.network, l.address)
}

// unanswered asks by HTTP and gets 401 for everything.
func (s *site) unanswered(l listener, paths ...string) {
	s.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) }}}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader("{}"))
			if err != nil {
				s.t.Fatal(err)
			}
			resp, err := c.Do(r)
			if err != nil {
				s.t.Errorf("%s, %s %s: %v", l, method, path, err)
				continue
			}
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusMisdirectedRequest {
				s.t.Errorf("%s answers %s %s with %d: %s", l, method, path, resp.StatusCode, body)
			}
		}
	}
}

// ownersAlone wants a socket that other users can't open.
func (s *site) ownersAlone(l listener) {
	s.t.Helper()
	if info, err := os.Stat(l.address); err != nil || info.Mode().Perm() != 0o600 {
		s.t.Errorf("%s: %v %v", l, info, err)
	}
}

// givesNothing asks without a key, and is left without a word.
func (s *site) givesNothing(l listener) {
	s.t.Helper()
	for _, asked := range []string{"", "\n", "{}\n", `{"Key":""}` + "\n", `{"Key":"AAAA"}` + "\n", "e", "se", strings.Repeat("A", 64<<10)} {
		c, err := l.dial(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, asked)
		if text, err := io.ReadAll(c); len(text) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			s.t.Errorf("%s answers %.20q with %q (%v)", l, asked, text, err)
		}
		_ = c.Close()
	}
}

// silent speaks gRPC in clear and by TLS, and HTTP, and gets no answer.
func (s *site) silent(l listener) {
	s.t.Helper()
	for how, by := range map[string]credentials.TransportCredentials{
		"in clear": insecure.NewCredentials(), "by TLS": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}), // #nosec G402 -- a stranger's
	} {
		conn, err := grpc.NewClient(l.address, grpc.WithTransportCredentials(by))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, method := range []string{"/grpc.health.v1.Health/Check", "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces", "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo"} {
			ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
			err := conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
			cancel()
			if code := status.Code(err); code != codes.Unavailable && code != codes.DeadlineExceeded {
				s.t.Errorf("%s, %s, answers %s: %v", l, how, method, err)
			}
		}
		_ = conn.Close()
	}
	c, err := l.dial(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err == nil && strings.HasPrefix(line, "HTTP/") {
		s.t.Errorf("%s speaks HTTP: %s", l, line)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Errorf("%s keeps a stranger waiting", l)
	}
}

// edgeKnowsNobody asks the edge for no service.
func (s *site) edgeKnowsNobody(l listener) {
	s.t.Helper()
	for _, host := range []string{"localhost", "caddy", "127.0.0.1", "open.prod.localhost"} {
		for _, path := range []string{"/", "/config/", "/metrics", "/debug/pprof/", "/status"} {
			r, err := http.NewRequest(http.MethodGet, "http://"+l.address+path, nil)
			if err != nil {
				s.t.Fatal(err)
			}
			r.Host = host
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				s.t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode >= 500 {
				s.t.Errorf("%s answers %s for %s with %d", l, path, host, resp.StatusCode)
			}
		}
	}
}
