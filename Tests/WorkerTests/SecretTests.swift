import Foundation
import Ports
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("Secrets stay on the worker")
struct SecretTests {
    private let value = "hunter2-$ecret/+"

    @Test("values of variables that look like credentials become stars of the same length, in every common form")
    func masking() {
        let mask = SecretMask(environment: ["HF_TOKEN": value, "LR": "0.001-and-long", "API_KEY": "short"])
        for form in [value, Data(value.utf8).base64EncodedString(), "hunter2%2D%24ecret%2F%2B"] {
            let text = "before \(form)\(form) after\n"
            #expect(mask.masked(text) == "before \(String(repeating: "*", count: 2 * form.utf8.count)) after\n")
        }
        #expect(mask.masked("0.001-and-long short \(value.dropLast())") == "0.001-and-long short \(value.dropLast())")
        #expect(SecretMask().masked(value) == value)
    }

    @Test("the log that leaves the machine is masked, and its offsets stay")
    func log() throws {
        let folder = try TemporaryFolder()
        let text = "start\ntoken=\(value)\né end\n"
        let path = try folder.write("log", text)
        var tail = LogTail(path: path, mask: SecretMask(environment: ["MY_SECRET": value]))
        try tail.scan(isComplete: true, files: DiskFiles())
        let next = tail.next(now: SystemTime().monotonic())
        let piece = try #require(next)
        #expect(piece.text == "start\ntoken=\(String(repeating: "*", count: value.utf8.count))\né end\n")
        #expect(piece.text.utf8.count == text.utf8.count)
    }

    @Test("a trainer's environment is an allow-list: no token, no credential of the worker, no preloaded library")
    func environment() {
        let given = [
            "PATH": "/bin", "HOME": "/home/u", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "0", "RADIATA_TOKEN": "t",
            "AWS_SECRET_ACCESS_KEY": "s", "LD_PRELOAD": "/tmp/x.so", "SSH_AUTH_SOCK": "/tmp/s", "http_proxy": "p",
        ]
        #expect(Set(TrainerEnvironment.allowed(given).keys) == ["PATH", "HOME", "LC_ALL", "CUDA_VISIBLE_DEVICES"])
    }
}
