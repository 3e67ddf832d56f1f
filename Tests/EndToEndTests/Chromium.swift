import Foundation
import Glibc
import TestSupport
import Testing

/// A headless Chromium with one profile, told what to do over its debugging pipe.
///
/// The pipe is a pair of FIFOs, which a shell opens as descriptors 3 and 4; messages are JSON, each ended by
/// a zero byte.
final class Chromium {
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    struct Failure: Error, CustomStringConvertible { let description: String }

    /// One page of the browser.
    struct Tab { let session: String }

    private let folder: TemporaryFolder
    private let process = Process()
    private let input: Int32
    private let output: Int32
    private var last = 0
    private var rest = Data()
    /// What pages that were opened with `isWatched` reported: exceptions, refused requests, the policy.
    private(set) var faults: [String] = []

    init() throws {
        folder = try TemporaryFolder()
        let program = try #require(Self.path)
        let (requests, answers) = (folder.path + "/requests", folder.path + "/answers")
        try #require(mkfifo(requests, 0o600) == 0 && mkfifo(answers, 0o600) == 0)
        // Opened for both directions, so that neither side waits for the other.
        input = Glibc.open(requests, O_RDWR | O_CLOEXEC)
        output = Glibc.open(answers, O_RDWR | O_CLOEXEC)
        try #require(input >= 0 && output >= 0)
        var arguments = [
            program, "--headless", "--remote-debugging-pipe", "--user-data-dir=\(folder.path)/profile",
            "--no-first-run",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-extensions",
        ]
        // The browser's own sandbox, not the frames': it cannot be had as root.
        if geteuid() == 0 { arguments.append("--no-sandbox") }
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "exec \"$@\" 3<\"$0/requests\" 4>\"$0/answers\"", folder.path] + arguments
        let log = folder.path + "/log"
        try #require(FileManager.default.createFile(atPath: log, contents: nil))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: log))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: log))
        try process.run()
    }

    deinit {
        if process.isRunning {
            process.terminate()
            process.waitUntilExit()
        }
        close(input)
        close(output)
    }

    func open(_ url: String, isWatched: Bool = false) throws -> Tab {
        let target = try string(call("Target.createTarget", ["url": isWatched ? "about:blank" : url]), "targetId")
        let tab = Tab(
            session: try string(call("Target.attachToTarget", ["targetId": target, "flatten": true]), "sessionId"))
        guard isWatched else { return tab }
        _ = try call("Runtime.enable", [:], tab)
        _ = try call("Log.enable", [:], tab)
        try navigate(tab, to: url)
        return tab
    }

    /// Makes a page so many pixels wide.
    func resize(_ tab: Tab, width: Int) throws {
        _ = try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false], tab)
    }

    private func note(_ event: [String: Any]) {
        let parameters = event["params"] as? [String: Any] ?? [:]
        switch event["method"] as? String {
        case "Runtime.exceptionThrown": faults.append("\(parameters["exceptionDetails"] ?? "")")
        case "Log.entryAdded":
            let entry = parameters["entry"] as? [String: Any] ?? [:]
            if entry["level"] as? String == "error" { faults.append("\(entry["text"] ?? "") \(entry["url"] ?? "")") }
        default: break
        }
    }

    func navigate(_ tab: Tab, to url: String) throws { _ = try call("Page.navigate", ["url": url], tab) }

    /// The value of a script's expression; promises are waited for.
    func evaluate(_ expression: String, in tab: Tab) throws -> Any? {
        let answer = try call(
            "Runtime.evaluate", ["expression": expression, "awaitPromise": true, "returnByValue": true], tab)
        if let exception = answer["exceptionDetails"] { throw Failure(description: "\(expression): \(exception)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    /// Waits until a script's expression is true.
    func wait(_ expression: String, in tab: Tab, seconds: Double = 60) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            // While a page gives way to the next one, there is nothing to evaluate in.
            if let value = try? evaluate(expression, in: tab) as? Bool, value { return }
            usleep(50_000)
        }
        let page = try evaluate("location.href + '\\n' + document.documentElement.outerHTML", in: tab)
        throw Failure(description: "not within \(seconds) s: \(expression)\n\(page ?? "")")
    }

    private func string(_ object: [String: Any], _ key: String) throws -> String {
        guard let value = object[key] as? String else { throw Failure(description: "no \(key) in \(object)") }
        return value
    }

    private func call(_ method: String, _ parameters: [String: Any], _ tab: Tab? = nil) throws -> [String: Any] {
        last += 1
        var message: [String: Any] = ["id": last, "method": method, "params": parameters]
        if let tab { message["sessionId"] = tab.session }
        let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failure(description: "\(method): cannot be sent") }
            sent += count
        }
        while true {
            let answer = try receive(method)
            guard answer["id"] as? Int == last else {
                note(answer)
                continue
            }
            if let error = answer["error"] { throw Failure(description: "\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func receive(_ method: String) throws -> [String: Any] {
        let end = Date(timeIntervalSinceNow: 60)
        while true {
            if let zero = rest.firstIndex(of: 0) {
                let message = rest[rest.startIndex..<zero]
                rest = Data(rest[(zero + 1)...])
                return try JSONSerialization.jsonObject(with: message) as? [String: Any] ?? [:]
            }
            var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 1000) >= 0, Date() < end, process.isRunning else {
                let log = FileManager.default.contents(atPath: folder.path + "/log") ?? Data()
                throw Failure(description: "\(method): no answer\n\(String(decoding: log.suffix(2000), as: UTF8.self))")
            }
            guard waiting.revents != 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(output, &buffer, buffer.count)
            if count > 0 { rest.append(contentsOf: buffer[..<count]) }
        }
    }
}
