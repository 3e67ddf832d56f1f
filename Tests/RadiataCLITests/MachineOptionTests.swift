import Foundation
import RadiataCLI
import Testing

@Suite("Times and machines on the command line")
struct MachineOptionTests {
    @Test("lengths of time")
    func lengths() {
        let good: [(String, Duration)] = [
            ("90s", .seconds(90)), ("10m", .seconds(600)), ("4h", .seconds(14_400)), ("2d", .seconds(172_800)),
            ("500ms", .milliseconds(500)), ("1.5h", .seconds(5400)), ("0s", .zero),
        ]
        for (text, duration) in good { #expect(TimeLength(argument: text)?.duration == duration, "\(text)") }
        for text in ["", "10", "m", "-1m", "ten m", "1e9d", "5 m2"] {
            #expect(TimeLength(argument: text) == nil, "\(text)")
        }
    }

    @Test("times to stop at: of the day, with a date, and as batch systems say them")
    func times() throws {
        let zone = try #require(TimeZone(secondsFromGMT: 3600))
        // 2026-11-30 20:00 there.
        let now = Date(timeIntervalSince1970: 1_796_065_200)
        func seconds(_ text: String) -> Double? { StopTime.date(text, now: now, zone: zone)?.timeIntervalSince(now) }
        #expect(seconds("20:30") == 1800)
        let tomorrow: Double = 23 * 3600
        #expect(seconds("19:00") == tomorrow)
        #expect(seconds("2026-11-30T21:00") == 3600 && seconds("2026-12-01 20:00:30") == 86_400)
        #expect(seconds("1796065260") == 60)
        for text in ["", "8", "25:00", "20:60", "2026-13-01T10:00", "2026-11-30", "soon", "10:0"] {
            #expect(seconds(text) == nil, "\(text)")
        }
    }

    @Test("options of sbatch: one a line; the coordinator gets those that say where it may run")
    func slurmOptions() throws {
        var job = SlurmJob(name: "s", workers: 2, folder: "/shared", program: "/opt/it's/radiata")
        job.options = ["-p", "gpu", "--gres=gpu:2", "--time", "4:00:00", "-Aproject", "--comment", "a \"b\" c"]
        job.sweepFile = "/shared/s.yaml"
        job.requeues = false
        let lines = job.workerScript.split(separator: "\n").map(String.init)
        for wanted in [
            "#SBATCH -p gpu", "#SBATCH --gres=gpu:2", "#SBATCH --time 4:00:00", "#SBATCH -Aproject",
            "#SBATCH --comment \"a \\\"b\\\" c\"", "#SBATCH --array=1-2",
        ] { #expect(lines.contains(wanted), "\(wanted)") }
        #expect(
            job.workerScript.contains("'/opt/it'\\''s/radiata' worker run") && !job.workerScript.contains("requeue \""))
        let coordinator = try #require(job.coordinatorScript).split(separator: "\n").filter { $0.hasPrefix("#SBATCH") }
        #expect(coordinator.suffix(3) == ["#SBATCH -p gpu", "#SBATCH --time 4:00:00", "#SBATCH -Aproject"])
    }

    @Test("a file of hosts: names alone, maps, and what they have in common")
    func hosts() throws {
        let list = try HostList(
            """
            defaults: { slots: 2, labels: { room: lab } }
            hosts:
              - box2
              - { host: anna@10.0.0.3, slots: 1, gpus: [0, 2], price: 0.5, reverse_tunnel: true, exit_when_idle: 10m }
            """, file: "hosts.yaml")
        var first = HostList.Host(name: "box2")
        (first.slots, first.labels) = (2, ["room": "lab"])
        #expect(list.hosts.first == first)
        let second = try #require(list.hosts.last)
        #expect(second.slots == 1 && second.gpus == "0,2" && second.price == 0.5 && second.tunnelPort == 17_070)
        #expect(second.labels == ["room": "lab"] && second.exitWhenIdle == "10m")
        #expect(try HostList("[a, b]", file: "f").hosts.map(\.name) == ["a", "b"])
    }
}
