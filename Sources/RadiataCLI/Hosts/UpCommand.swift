import ArgumentParser
import Dispatch
import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire

/// What `up` and `down` share.
struct HostOptions: ParsableArguments {
    @Argument(
        help: "A file with hosts of your SSH configuration: [box2, {host: box3, slots: 2, reverse_tunnel: true}].")
    var file: String

    @OptionGroup var options: ClientOptions

    func hosts() throws -> HostList {
        do {
            return try HostList(try DiskFiles().readText(file, limit: 1 << 20), file: file)
        } catch let error as PortsError {
            throw CommandFailure(error.code == .notFound ? .notFound : .usage, error.message)
        }
    }

    /// The hosts at the same time, a few of them; what failed is told in the end.
    func each(_ hosts: [HostList.Host], _ body: @escaping @Sendable (HostList.Host) async throws -> Void) async throws {
        var failed = 0
        await withTaskGroup(of: Bool.self) { group in
            var waiting = hosts.dropFirst(8)
            for host in hosts.prefix(8) { group.addTask { await Self.succeeds(host, body) } }
            while let isGood = await group.next() {
                if !isGood { failed += 1 }
                if let host = waiting.popFirst() { group.addTask { await Self.succeeds(host, body) } }
            }
        }
        guard failed == 0 else { throw CommandFailure(.failed, "\(failed) of \(hosts.count) hosts failed") }
    }

    private static func succeeds(
        _ host: HostList.Host, _ body: @Sendable (HostList.Host) async throws -> Void
    ) async -> Bool {
        do {
            try await body(host)
            return true
        } catch {
            Console.note((error as? CommandFailure)?.description ?? "\(host.name): \(error)")
            return false
        }
    }

    /// The ledger's id in names of files there.
    static func tag(_ client: SweepClient) async throws -> String {
        String(try await client.call(.health, Nothing()).ledger.prefix(8))
    }

    /// Runs what blocks on a thread of its own.
    static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }
}

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Start workers on other machines over SSH.",
        discussion: """
            Uses your own OpenSSH and its configuration. Copies the program where it is not there yet, lets each machine join, starts \
            its worker (a systemd user unit, or a process that starts it again), and shows workers as they come. Given again, it \
            changes what is different. `radiata down` ends them.
            """)

    @OptionGroup var hosts: HostOptions

    @Option(help: "How long to wait for workers to come.")
    var wait: TimeLength = TimeLength(.seconds(120))

    func run() async throws {
        let list = try hosts.hosts()
        let client = try hosts.options.client()
        let coordinator = try await HostOptions.tag(client)
        let bundle = try ProgramBundle.ofThisProgram()
        let starter = HostStarter(client: client, coordinator: coordinator, bundle: bundle)
        let before = Date()
        try await hosts.each(list.hosts) { host in
            try await starter.start(host)
            try await starter.awaitWorker(host, until: before.addingTimeInterval(wait.duration.inSeconds))
        }
    }
}

struct DownCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "End the workers that `radiata up` started: states are saved, jobs given back.")

    @OptionGroup var hosts: HostOptions

    @Flag(help: "Forget the workers too: their tokens end, and they need a new invitation.")
    var forget = false

    func run() async throws {
        let list = try hosts.hosts()
        let client = try hosts.options.client()
        let coordinator = try await HostOptions.tag(client)
        let forgets = forget
        try await hosts.each(list.hosts) { host in
            let remote = RemoteHost(name: host.name)
            let scripts = HostScripts(host: host, version: "-", coordinator: coordinator)
            try await HostOptions.blocking { _ = try remote.run(scripts.stop, what: "ending the worker") }
            if host.tunnelPort != nil { remote.closeTunnel(state: Paths.folders.state) }
            if forgets {
                _ = try await client.call(.forget, ForgetRequest(worker: host.name))
                try await HostOptions.blocking { _ = try remote.run(scripts.forget, what: "removing its way in") }
            }
            Console.out("\(host.name): \(forgets ? "ended and forgotten" : "ended")")
        }
    }
}

/// Brings one host to where its worker runs.
struct HostStarter: Sendable {
    let client: SweepClient
    let coordinator: String
    let bundle: ProgramBundle

    func start(_ host: HostList.Host) async throws {
        let remote = RemoteHost(name: host.name)
        let scripts = HostScripts(host: host, version: bundle.version, coordinator: coordinator)
        let probe = try await HostOptions.blocking { try remote.run(scripts.probe, what: "looking at it") }
        let lines = probe.split(separator: "\n").map(String.init)
        guard lines.contains("Linux x86_64") || host.program != nil else {
            throw CommandFailure(
                .failed, "\(host.name) is \(lines.last ?? "unknown"); this program is for Linux x86_64")
        }
        if !lines.contains("there") {
            if let program = host.program {
                throw CommandFailure(.failed, "\(host.name): \(program) is not there, or does not run")
            }
            Console.out("\(host.name): copying radiata (\(bundle.bytes >> 20) MiB)")
            try await HostOptions.blocking {
                let file = try FileHandle(forReadingFrom: URL(filePath: bundle.archive))
                defer { try? file.close() }  // it was only read
                try remote.send(file, to: scripts.unpack, what: "copying the program")
            }
            let again = try await HostOptions.blocking { try remote.run(scripts.probe, what: "trying the program") }
            guard again.contains("there") else {
                throw CommandFailure(
                    .failed,
                    "\(host.name): the program does not run there; copy one that `make dist` made, or install it and name it with program:"
                )
            }
        }
        var addresses: [String] = []
        if let port = host.tunnelPort {
            let own = HostAndPort(String(client.address.split(separator: "/").last ?? ""))?.port ?? 7070
            try remote.openTunnel(from: port, to: own, state: Paths.folders.state)
            addresses = ["127.0.0.1:\(port)"]
        }
        let isJoined = try await HostOptions.blocking {
            try remote.run(scripts.joined, what: "looking for its way in").contains("joined")
        }
        var invitation: Invitation?
        if !isJoined {
            let (made, answer) = try await InviteCommand.make(
                client, lifetime: .seconds(600), note: "up \(host.name)", addresses: addresses)
            if answer.isLoopback, host.tunnelPort == nil {
                Console.note(
                    "warning: the coordinator listens on this machine alone; \(host.name) reaches it only with reverse_tunnel: true, "
                        + "or if it runs with --listen 0.0.0.0:PORT")
            }
            invitation = made
        }
        let text = invitation?.text
        let said = try await HostOptions.blocking {
            try remote.run(scripts.start(invitation: text), what: "starting the worker")
        }
        for line in said.split(separator: "\n") where line.hasPrefix("note:") { Console.note("\(host.name): \(line)") }
    }

    func awaitWorker(_ host: HostList.Host, until end: Date) async throws {
        while Date() < end {
            let workers = try await client.call(.workers, Nothing()).items
            if let worker = workers.first(where: { $0.name == host.name && $0.state == "connected" }) {
                let gpus = worker.gpus > 0 ? ", \(worker.gpuDevices?.text ?? "\(worker.gpus) GPUs")" : ""
                Console.out("\(host.name): connected, \(worker.slots) \(worker.slots == 1 ? "slot" : "slots")\(gpus)")
                return
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        let scripts = HostScripts(host: host, version: bundle.version, coordinator: coordinator)
        let log = try await HostOptions.blocking {
            try RemoteHost(name: host.name).run(scripts.log, what: "reading its log")
        }
        throw CommandFailure(.failed, "\(host.name): its worker has not come; its log ends with:\n\(log)")
    }
}
