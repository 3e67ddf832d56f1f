import Foundation
import Glibc
import Ports
import TestSupport
import Testing

@Suite("Whose port it is, and which addresses lead here")
struct LocalCoordinatorTests {
    /// A table as the kernel writes it: listeners first.
    private static func table(_ lines: [String], six: [String] = []) throws -> (table: SocketTable, folder: String) {
        let folder = NSTemporaryDirectory() + "sockets-\(SystemRandom().hexadecimal(bytes: 8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        for (name, lines) in [("tcp", lines), ("tcp6", six)] {
            try Data((head + lines.map { $0 + "\n" }.joined()).utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        }
        return (SocketTable(files: [folder + "/tcp", folder + "/tcp6"]), folder)
    }

    private static func line(_ local: String, _ remote: String, _ state: String, _ owner: UInt32) -> String {
        "   0: \(local) \(remote) \(state) 00000000:00000000 00:00000000 00000000 \(owner)        0 1 1 0 100 0 0 10 0"
    }

    private static let zero = "00000000:0000"
    private static let zeroSix = "00000000000000000000000000000000:0000"
    private static let loopbackSix = "00000000000000000000000001000000"

    @Test("real sockets: a listener and both ends of a connection are found, with this user as owner")
    func realSockets() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let caller = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(listener)
            close(caller)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        func with(_ body: (UnsafeMutablePointer<sockaddr>) -> Int32) -> Int32 {
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
            }
        }
        let size = length
        try #require(with { bind(listener, $0, size) } == 0 && listen(listener, 1) == 0)
        try #require(with { getsockname(listener, $0, &length) } == 0)
        let port = Int(UInt16(bigEndian: address.sin_port))
        let found = try SocketTable().listeners(port: port)
        #expect(found.map(\.address) == [[127, 0, 0, 1]] && found.map(\.owner) == [geteuid()])
        try #require(with { connect(caller, $0, size) } == 0)
        try #require(with { getsockname(caller, $0, &length) } == 0)
        let other = Int(UInt16(bigEndian: address.sin_port))
        let here: [UInt8] = [127, 0, 0, 1]
        #expect(try SocketTable().owner(address: here, port: other, peer: here, peerPort: port) == geteuid())
        #expect(try SocketTable().owner(address: here, port: other, peer: here, peerPort: 1) == nil)
    }

    @Test("a token is sent to this user's listeners only, wherever the address may lead")
    func owners() throws {
        let registry = CoordinatorRegistry(
            folder: NSTemporaryDirectory() + "registry-\(SystemRandom().hexadecimal(bytes: 8))", machine: "0123456789ab"
        )
        defer { do { try FileManager.default.removeItem(atPath: registry.folder) } catch { Issue.record("\(error)") } }
        try registry.publish("the-token", port: 8080)
        let (me, other) = (geteuid(), geteuid() + 1)
        func find(_ authority: String, _ lines: [String], six: [String] = []) throws -> LocalCoordinator.Finding? {
            let (table, folder) = try Self.table(lines, six: six)
            defer { do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") } }
            return LocalCoordinator(authority: authority, defaultPort: 80, registry: registry)?.find(table)
        }
        func isRefused(_ finding: LocalCoordinator.Finding?) -> Bool {
            guard case .nothing(let reason?) = finding else { return false }
            return reason.contains("another user")
        }
        let mine = Self.line("0100007F:1F90", Self.zero, "0A", me)
        let theirs = Self.line("0100007F:1F90", Self.zero, "0A", other)
        let wild = Self.line("00000000:1F90", Self.zero, "0A", me)
        #expect(try find("127.0.0.1:8080", [mine]) == .token("the-token"))
        #expect(try find("localhost:8080", [wild]) == .token("the-token"))
        #expect(isRefused(try find("127.0.0.1:8080", [theirs])))
        // `localhost` may lead to either address: both must be ours.
        let sixTheirs = Self.line("\(Self.loopbackSix):1F90", Self.zeroSix, "0A", other)
        #expect(isRefused(try find("localhost:8080", [mine], six: [sixTheirs])))
        #expect(try find("127.0.0.1:8080", [mine], six: [sixTheirs]) == .token("the-token"))
        let wildTheirs = Self.line(Self.zeroSix.replacing(":0000", with: ":1F90"), Self.zeroSix, "0A", other)
        #expect(isRefused(try find("127.0.0.1:8080", [], six: [wildTheirs])))
        // Nobody listens; another port; a connection that only looks alike.
        #expect(try find("127.0.0.1:8080", []) == .nothing(reason: nil))
        #expect(try find("127.0.0.1:8081", [mine]) == .nothing(reason: nil))
        let connection = Self.line("0100007F:1F90", "0100007F:9999", "01", me)
        #expect(try find("127.0.0.1:8080", [connection]) == .nothing(reason: nil))
        // Other machines.
        for far in ["192.0.2.1:8080", "box.example:8080", "127.evil.example:8080", "[2001:db8::1]:8080"] {
            #expect(try find(far, [mine]) == nil, "\(far)")
        }
    }

    @Test(
        "a token file that others can read is refused with the remedy, in the registry too",
        arguments: [0o640, 0o604, 0o644, 0o666])
    func modes(mode: Int) throws {
        let file = NSTemporaryDirectory() + "token-\(SystemRandom().hexadecimal(bytes: 8))"
        try DiskFiles().writeAtomically(Array(" a-token \n".utf8), to: file, mode: 0o600)
        defer { do { try DiskFiles().remove(file) } catch { Issue.record("\(error)") } }
        #expect(try SecretFile.read(file) == "a-token")
        try #require(chmod(file, mode_t(mode)) == 0)
        let error = #expect(throws: PortsError.self) { try SecretFile.read(file) }
        #expect(error?.message.contains("chmod 600 \(file)") == true)
        // What is written to a file of one's own is kept from others.
        let output = try OpenFile(writing: file)
        #expect(SecretFile.narrow(output: output.descriptor) && !SecretFile.narrow(output: output.descriptor))
        #expect(try DiskFiles().information(file)?.mode == 0o600)
    }

    @Test("folder and name of the registry follow the environment")
    func places() throws {
        func folder(_ environment: [String: String]) -> String? { CoordinatorRegistry.ofThisUser(environment)?.folder }
        #expect(folder(["HOME": "/h"]) == "/h/.local/state/radiata/coordinators")
        #expect(folder(["HOME": "/h", "XDG_STATE_HOME": "/s"]) == "/s/radiata/coordinators")
        #expect(folder(["HOME": "/h", "XDG_STATE_HOME": "relative"]) == "/h/.local/state/radiata/coordinators")
        let machine = try #require(CoordinatorRegistry.ofThisUser(["HOME": "/h"])?.machine)
        #expect(machine.utf8.count == 12)
    }
}
