import Foundation
import TestSupport
import Testing

/// What operators are told, against a real receiver (webhook_receiver.py) that fails and is away, by a
/// coordinator that is killed.
@Suite("Webhooks", .serialized)
struct WebhookTests {
    /// The receiver as a process, ended with it.
    private final class Receiver {
        let log: String
        let port: Int
        private let process: Process
        private let lifeline = Pipe()

        init(_ house: House, failures: Int, port: Int = 0) throws {
            log = house.folder.path + "/messages"
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "webhook_receiver.py")
            process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [
                "python3", script.path, log, house.data + "/webhook.secret", "\(port)", "\(failures)",
            ]
            process.standardInput = lifeline
            let said = house.folder.path + "/receiver-port-\(port)"
            try #require(FileManager.default.createFile(atPath: said, contents: nil))
            process.standardOutput = try FileHandle(forWritingTo: URL(filePath: said))
            try process.run()
            var line = ""
            try house.eventually("the receiver listens") {
                line = String(decoding: FileManager.default.contents(atPath: said) ?? Data(), as: UTF8.self)
                return line.hasSuffix("\n") ? nil : "it said '\(line)'"
            }
            self.port = try #require(Int(line.dropLast()))
        }

        func end() {
            lifeline.fileHandleForWriting.closeFile()
            process.waitUntilExit()
        }

        struct Message: Decodable {
            let path: String
            let id: String
            let type: String
            let signed: Bool
            let near: Bool
            let status: Int
        }

        func messages() throws -> [Message] {
            let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            // The last line may be on its way.
            return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map {
                try JSONDecoder().decode(Message.self, from: Data($0.utf8))
            }
        }

        func taken() throws -> [Message] { try messages().filter { $0.status == 204 } }
    }

    private func sweep(_ house: House, _ name: String, _ command: String) throws -> String {
        try house.folder.write(
            "\(name).yaml",
            """
            name: \(name)
            seeds: [1]
            retries: { crash: 0 }
            trainer: { command: [sh, "-c", "\(command)", "{lr}"] }
            groups: [ { list: [ { lr: 1 }, { lr: 2 } ] } ]
            """)
    }

    @Test("messages arrive at least once, signed, under one name, past failures, an absence and SIGKILL")
    func delivery() throws {
        let house = try House()
        let receiver = try Receiver(house, failures: 2)
        let hook = ["--webhook", "http://127.0.0.1:\(receiver.port)/told"]
        try house.startCoordinator(options: hook)
        // The key is this user's alone.
        let mode = try FileManager.default.attributesOfItem(atPath: house.data + "/webhook.secret")[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
        let worker = try house.startWorker("w")
        _ = try house.radiata(["launch", sweep(house, "bad", "echo no such thing >&2; exit 3")])
        try house.eventually("the failure and the end are told") {
            let (all, taken) = (try receiver.messages(), try receiver.taken())
            let isTold = Set(taken.map(\.type)).isSuperset(of: ["failed", "finished"])
            return isTold && Set(all.map(\.id)) == Set(taken.map(\.id)) ? nil : "\(all)"
        }
        let first = try receiver.messages()
        #expect(first.allSatisfy { $0.signed && $0.near && $0.path == "/told" })
        // What was refused came again under the same name.
        for refused in first where refused.status == 500 {
            #expect(first.contains { $0.id == refused.id && $0.status == 204 })
        }
        #expect(first.count { $0.status == 500 } == 2)
        // The receiver goes; what happens meanwhile is kept, also by a coordinator that is killed.
        receiver.end()
        _ = try house.radiata(["launch", sweep(house, "good", "exit 0")])
        try house.eventually("the sweep is finished") {
            let open = "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')"
            return try house.count(open) == 0 ? nil : "not yet"
        }
        house.slay(try #require(house.coordinator))
        try house.startCoordinator(options: hook)
        let second = try Receiver(house, failures: 0, port: receiver.port)
        try house.eventually("the second end is told") {
            let ends = Set(try second.taken().filter { $0.type == "finished" }.map(\.id))
            return ends.count == 2 ? nil : "\(ends)"
        }
        house.slay(worker)
        second.end()
    }
}
