import ConfigText
import Foundation
import Ports
import RunSpec
import Worker

/// The machines of a file for `radiata up`: names of the user's SSH configuration, with what their workers
/// are to be.
package struct HostList: Equatable, Sendable {
    package struct Host: Equatable, Sendable {
        /// As ssh takes it: `box2`, `anna@10.0.0.3`.
        package var name: String
        package var slots: Int?
        package var threads: Int?
        package var gpus: String?
        package var labels: [String: String] = [:]
        package var price: Double?
        package var inputs: [String] = []
        /// On the host: where the program and the worker's files are. Relative to the user's home there.
        package var folder = ".local/share/radiata-worker"
        /// On the host: a program that is installed already; nil to copy this one.
        package var program: String?
        /// The coordinator is reached through this SSH connection, at this port of the host.
        package var tunnelPort: Int?
        package var exitWhenIdle: String?
        package var stopAfter: String?

        package init(name: String) { self.name = name }
    }

    package var hosts: [Host]

    private static let keys = [
        "host", "slots", "threads", "gpus", "labels", "price", "inputs", "folder", "program", "reverse_tunnel",
        "exit_when_idle", "stop_after",
    ]

    /// - Throws: `CommandFailure` that names the file, the place and what was wanted.
    package init(_ text: String, file: String) throws {
        let root: ParameterValue
        do throws(ConfigFault) {
            root = try ConfigDocument(text, format: .yaml).root.value
        } catch {
            throw CommandFailure(.usage, "\(file): \(error)")
        }
        let wanted = "wanted a list of hosts: [box2, {host: box3, slots: 2}], or a map with hosts and defaults"
        var defaults: [String: ParameterValue] = [:]
        let items: [ParameterValue]
        switch root {
        case .list(let list): items = list
        case .map(let map):
            for key in map.keys where !["hosts", "defaults"].contains(key) {
                throw CommandFailure(.usage, "\(file): unknown key '\(key)'; known: hosts, defaults")
            }
            guard let list = map["hosts"]?.list else { throw CommandFailure(.usage, "\(file): \(wanted)") }
            items = list
            defaults = map["defaults"]?.map ?? [:]
        default: throw CommandFailure(.usage, "\(file): \(wanted)")
        }
        hosts = try items.map { item in
            let own = item.text.map { ["host": .text($0)] } ?? item.map
            guard let own else { throw CommandFailure(.usage, "\(file): a host is \(item.kindName); \(wanted)") }
            return try Self.host(defaults.merging(own) { _, mine in mine }, file)
        }
        guard !hosts.isEmpty else { throw CommandFailure(.usage, "\(file): there are no hosts; \(wanted)") }
        var seen: Set<String> = []
        for host in hosts where !seen.insert(host.name).inserted {
            throw CommandFailure(.usage, "\(file): the host \(host.name) stands there twice")
        }
    }

    private static func host(_ map: [String: ParameterValue], _ file: String) throws -> Host {
        for key in map.keys.sorted() where !keys.contains(key) {
            throw CommandFailure(
                .usage, "\(file): unknown key '\(key)' of a host; known: \(keys.joined(separator: ", "))")
        }
        guard let name = map["host"]?.text, isHost(name) else {
            throw CommandFailure(
                .usage, "\(file): a host has no name that ssh could take (host: box2, or host: anna@box2)")
        }
        func fault(_ key: String, _ wanted: String) -> CommandFailure {
            CommandFailure(.usage, "\(file): \(name): \(key) is \(map[key]?.plain ?? "nothing"); wanted \(wanted)")
        }
        func text(_ key: String) throws -> String? {
            guard let value = map[key], !value.isNull else { return nil }
            switch value {
            case .text(let text) where !text.isEmpty: return text
            case .number: return value.plain
            case .list(let items): return items.map(\.plain).joined(separator: ",")
            default: throw fault(key, "text")
            }
        }
        func count(_ key: String, most: Int) throws -> Int? {
            guard let value = map[key], !value.isNull else { return nil }
            guard let number = value.integer, (1...most).contains(number) else { throw fault(key, "1 to \(most)") }
            return number
        }
        var host = Host(name: name)
        host.slots = try count("slots", most: 4096)
        host.threads = try count("threads", most: 65_536)
        host.gpus = try text("gpus")
        host.folder = try text("folder") ?? host.folder
        host.program = try text("program")
        host.exitWhenIdle = try text("exit_when_idle")
        host.stopAfter = try text("stop_after")
        for key in ["exit_when_idle", "stop_after"] {
            if let text = try text(key), TimeLength(argument: text) == nil {
                throw fault(key, "a time such as 10m or 4h")
            }
        }
        if let gpus = host.gpus, GPUChoice(gpus) == nil { throw fault("gpus", "all, none, or numbers such as 0,2") }
        if let value = map["price"] {
            guard let price = value.number, price >= 0 else { throw fault("price", "a number of at least 0") }
            host.price = price
        }
        if let value = map["labels"] {
            guard let labels = value.map else { throw fault("labels", "a map: {room: lab}") }
            host.labels = labels.mapValues(\.plain)
        }
        if let value = map["inputs"] { host.inputs = value.list?.map(\.plain) ?? [value.plain] }
        switch map["reverse_tunnel"] {
        case nil, .null, .flag(false): break
        case .flag(true): host.tunnelPort = 17_070
        default: host.tunnelPort = try count("reverse_tunnel", most: 65_535)
        }
        return host
    }

    /// No option of ssh, and nothing that a shell would read.
    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix("-")
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "@._-:[]%+".utf8.contains(byte)
            }
    }
}
