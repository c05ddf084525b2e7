package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// listening finds the TCP ports that this process listens on, as the kernel tells.
func listening(t *testing.T) (ports []string) {
	t.Helper()
	mine := map[string]bool{}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			mine[strings.Trim(to, "socket:[]")] = true
		}
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && mine[f[9]] {
				var port int
				if _, err := fmt.Sscanf(f[1][strings.LastIndex(f[1], ":")+1:], "%X", &port); err != nil {
					t.Fatal(err)
				}
				ports = append(ports, fmt.Sprint(port))
			}
		}
	}
	slices.Sort(ports)
	return ports
}

// calls asks a port who it is and what it holds.
func calls(t *testing.T, port string, by credentials.TransportCredentials) map[string]error {
	t.Helper()
	conn, err := grpc.NewClient(net.JoinHostPort(loopback, port), grpc.WithTransportCredentials(by))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	frontend := workflowservice.NewWorkflowServiceClient(conn)
	answers := map[string]error{}
	_, answers["health"] = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "temporal.api.workflowservice.v1.WorkflowService"})
	_, answers["system"] = frontend.GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	_, answers["own namespace"] = frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace})
	_, answers["its namespace"] = frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "temporal-system"})
	_, answers["namespaces"] = frontend.ListNamespaces(ctx, &workflowservice.ListNamespacesRequest{})
	return answers
}

// TestStrangersGetNoAnswer connects to every port of an engine as somebody who
// isn't this process, and with certificates that look like the right ones.
func TestStrangersGetNoAnswer(t *testing.T) {
	before := listening(t)
	e, err := Start(t.Context(), Options{File: filepath.Join(t.TempDir(), "temporal.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	ports := slices.DeleteFunc(listening(t), func(p string) bool { return slices.Contains(before, p) })
	if len(ports) != 4 { // frontend, history, matching, worker: no gossip, no pprof, no metrics, no HTTP
		t.Errorf("the engine listens on %v", ports)
	}
	other, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	strangers := map[string]credentials.TransportCredentials{"in clear": insecure.NewCredentials()}
	for what, with := range map[string][]tls.Certificate{"no certificate": nil, ours: {issued(t, other, ours)}, node: {issued(t, other, node)}} {
		strangers[what+" of another authority"] = credentials.NewTLS(&tls.Config{Certificates: with, InsecureSkipVerify: true}) // #nosec G402 -- an attacker's
	}
	for _, port := range ports {
		for who, by := range strangers {
			for what, err := range calls(t, port, by) {
				if code := status.Code(err); code != codes.Unavailable && code != codes.DeadlineExceeded {
					t.Errorf("%s, port %s, %s: %v", who, port, what, err)
				}
			}
		}
		if line := spoken(t, port, "GET /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\n\r\n"); strings.Contains(line, " 200") {
			t.Errorf("port %s speaks HTTP: %s", port, line)
		}
	}
}

func issued(t *testing.T, a *authority, name string) tls.Certificate {
	t.Helper()
	c, err := a.issue(name, x509.ExtKeyUsageClientAuth)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func spoken(t *testing.T, port, words string) string {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(loopback, port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = c.Write([]byte(words))
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

// TestCertificatesAreGoodForTheirOwn asks with the platform's own certificate
// for what isn't its own.
func TestCertificatesAreGoodForTheirOwn(t *testing.T) {
	admit := admission{}
	for _, name := range []string{"", "root", "engine.slipway.internal"} {
		c, err := newAuthority()
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := admit.GetClaims(shown(issued(t, c, name))); err == nil {
			t.Errorf("%q may %+v", name, claims)
		}
	}
	if _, err := admit.GetClaims(nil); err == nil {
		t.Error("nobody may something")
	}
	services, own, err := identities()
	if err != nil {
		t.Fatal(err)
	}
	between, _ := services.GetInternodeServerConfig()
	if err := handshake(between, own); err == nil {
		t.Error("the platform's certificate opens the ports between the services")
	}
	peer, _ := services.GetInternodeClientConfig()
	if err := handshake(between, peer); err != nil {
		t.Errorf("a service doesn't reach another: %v", err)
	}
	front, _ := services.GetFrontendServerConfig()
	if err := handshake(front, own); err != nil {
		t.Errorf("the platform doesn't reach the engine: %v", err)
	}
	if err := handshake(own, front); err == nil {
		t.Error("the platform's certificate passes for the engine")
	}
}

// handshake connects a client to a server, until the server has said that it
// takes the client: a client alone doesn't hear in its handshake that it is refused.
func handshake(server, client *tls.Config) error {
	l, err := tls.Listen("tcp", loopback+":0", server)
	if err != nil {
		return err
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer c.Close()
			_, err = c.Write([]byte("in"))
		}
		ended <- err
	}()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", l.Addr().String(), client)
	if err == nil {
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, err = c.Read(make([]byte, 2))
	}
	return errors.Join(err, <-ended)
}

func shown(c tls.Certificate) *authorization.AuthInfo {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		panic(err)
	}
	return &authorization.AuthInfo{TLSSubject: &leaf.Subject}
}
