import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readXlFile } from '../../../debug-adapter/configuration/xl-file.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';

const kernelLine = 'kernel = "vmlinuz"\n';

const machineOf = (text: string) => readXlFile(kernelLine + text, 'guest.cfg').configuration;

const warningsOf = (text: string) => readXlFile(kernelLine + text, 'guest.cfg').warnings;

/** A file as administrators write them. */
const usual = `
# A guest with all that is usual
name    = 'guest one'
uuid    = "06ed00fe-1162-4fc4-b5d8-11993ee4a8b9"
type    = "pv"
kernel  = "/boot/vmlinuz-2.6.18-xen"; ramdisk = "/boot/initrd.img"   # both
root    = "/dev/xvda1 ro"
extra   = "console=hvc0 xencons=tty"
memory  = 0x100
maxmem  = 512
vcpus   = 2
disk    = [ 'phy:/dev/vg0/root,xvda1,w',
            'file:/srv/swap.img,xvda2,r' ,   # the second
            "format=raw, vdev=xvdb, access=ro, target=/srv/a,b.img",
          ]
vif     = [ 'mac=00:16:3E:01:02:03,bridge=xenbr0', 'ip=10.0.0.2', '' ]
on_poweroff = "destroy"
on_reboot = 'preserve'
on_crash = "coredump-restart"
`;

describe('a usual file', () => {
  const { configuration, warnings } = readXlFile(usual, 'guest.cfg');

  test('says what the domain is', () => {
    expect(configuration).toMatchObject({
      name: 'guest one',
      uuid: '06ed00fe-1162-4fc4-b5d8-11993ee4a8b9',
      kernel: '/boot/vmlinuz-2.6.18-xen',
      ramdisk: '/boot/initrd.img',
      commandLine: 'root=/dev/xvda1 ro console=hvc0 xencons=tty',
      memory: 256,
      maxMemory: 512,
      vcpus: 2,
      maxVcpus: 2,
      profile: 'auto',
      model: 'auto',
    });
  });

  test('says what its disks are', () => {
    expect(configuration.disks).toEqual([
      {
        file: '/dev/vg0/root',
        device: { name: 'xvda1', number: 51_713 },
        access: 'w',
        isCdrom: false,
      },
      {
        file: '/srv/swap.img',
        device: { name: 'xvda2', number: 51_714 },
        access: 'r',
        isCdrom: false,
      },
      {
        file: '/srv/a,b.img',
        device: { name: 'xvdb', number: 51_728 },
        access: 'r',
        isCdrom: false,
      },
    ]);
  });

  test('says what its network devices are', () => {
    expect(configuration.networks).toEqual([
      { mac: '00:16:3e:01:02:03', bridge: 'xenbr0', ip: undefined },
      { mac: undefined, bridge: undefined, ip: '10.0.0.2' },
      { mac: undefined, bridge: undefined, ip: undefined },
    ]);
  });

  test('says what becomes of it, where it does', () => {
    expect(configuration.onEnd).toEqual({
      poweroff: 'destroy',
      reboot: 'preserve',
      watchdog: 'destroy',
      crash: 'coredump-restart',
      softReset: 'soft-reset',
    });
  });

  test('has nothing in it that has no effect', () => {
    expect(warnings).toEqual([]);
  });
});

describe('a file with a kernel alone', () => {
  test('is about a domain of 128 MiB with one processor, called as the file', () => {
    expect(readXlFile(kernelLine, '/etc/xen/db.1.cfg').configuration).toMatchObject({
      name: 'db.1',
      uuid: undefined,
      ramdisk: undefined,
      commandLine: '',
      memory: 128,
      maxMemory: 128,
      vcpus: 1,
      disks: [],
      networks: [],
    });
  });
});

describe('texts', () => {
  test.each([
    [`'a"b'`, 'a"b'],
    [`"a'b"`, "a'b"],
    [String.raw`"a\"b\\\x41\101\n"`, 'a"b\\AA\n'],
    [`"# no comment ; and no end"`, '# no comment ; and no end'],
    ['""', ''],
  ])('%s', (written, text) => {
    expect(machineOf(`cmdline = ${written}`).commandLine).toBe(text);
  });

  test('go on with +=', () => {
    expect(machineOf('cmdline = "a"\ncmdline += " b"').commandLine).toBe('a b');
  });

  test('may be signs', () => {
    expect(machineOf('cmdline = "="; name = "]"').name).toBe(']');
    expect(() => machineOf('vif = [ "a=b" "]"')).toThrow(/Here is a text where "," or "\]"/);
  });
});

describe('lists', () => {
  test('go on with +=', () => {
    const { disks } = machineOf('disk = [ "a,xvda" ]\ndisk += [ "b,xvdb" ]');
    expect(disks.map(({ file }) => file)).toEqual(['a', 'b']);
  });

  test('of one may be a text', () => {
    expect(machineOf('disk = "a,xvda"').disks).toHaveLength(1);
  });

  test('may be empty', () => {
    expect(machineOf('disk = [ ]').disks).toEqual([]);
  });
});

test('a later setting takes the place of an earlier one', () => {
  expect(machineOf('memory = 64\nmemory = 96').memory).toBe(96);
});

test('the builders of paravirtual domains are understood', () => {
  expect(() => machineOf('builder = "linux"')).not.toThrow();
  expect(() => machineOf('builder = "generic"')).not.toThrow();
});

test('Windows’ ends of lines are ends of lines', () => {
  expect(machineOf('memory = 64\r\nvcpus = 2\r\n')).toMatchObject({ memory: 64, vcpus: 2 });
});

describe('a warning with its place is given for', () => {
  test.each([
    ['constructor = 1', 'guest.cfg:2:1: constructor has no effect here.'],
    ['vnc = 1', 'guest.cfg:2:1: vnc has no effect here.'],
    ['memory = 64; cpus = "2-3"', 'guest.cfg:2:14: cpus has no effect here.'],
    ['vif = [ "script=vif-nat" ]', 'guest.cfg:2:9: script of a vif has no effect here.'],
    ['cmdline = "a"; root = "b"', 'guest.cfg: root and extra have no effect beside cmdline.'],
  ])('%s', (text, warning) => {
    expect(warningsOf(text)).toEqual([warning]);
  });
});

describe('an error with its place is made of', () => {
  test.each([
    ['type = "pvh"', /^guest\.cfg:2:8: The type is "pvh", but only paravirtual/],
    ['type = "hvm"', /^guest\.cfg:2:8: The type is "hvm"/],
    ['builder = "hvm"', /^guest\.cfg:2:11: The builder is "hvm"/],
    ['bootloader = "pygrub"', /^guest\.cfg:2:1: bootloader cannot be set: nothing runs before/],
    ['pci = [ "01:00.0" ]', /^guest\.cfg:2:1: pci cannot be set/],
    ['memory = 3', /^guest\.cfg:2:10: memory is 3; it has to be a number from 4 to 1000\./],
    ['memory = "much"', /memory is much; it has to be a number/],
    ['memory = 1x0', /memory is 1x0; it has to be a number/],
    ['memory = 64; maxmem = 32', /maxmem is 32; it has to be a number from 64/],
    ['vcpus = 33', /vcpus is 33; it has to be a number from 1 to 32/],
    ['vcpus = [ 1 ]', /vcpus is one text, not a list/],
    ['disk = [ [ "a" ] ]', /^guest\.cfg:2:10: disk is a list of texts, not of lists/],
    ['disk = [ "a,vda" ]', /^guest\.cfg:2:10: The disk "a,vda" is to be "vda", which is no/],
    ['disk = [ "a,xvda",\n "b,51712" ]', /^guest\.cfg:3:2: Two disks are to be the device 51712/],
    ['uuid = "12"', /uuid is "12": 32 hexadecimal digits are one/],
    ['on_crash = "sulk"', /on_crash is "sulk"; it may be "destroy", "restart"/],
    ['vif = [ "mac=1" ]', /"1" is no MAC address/],
    ['vif = [ "type=ioemu" ]', /of type "ioemu", but only "vif"/],
    ['vif = [ "bridge" ]', /"bridge" in this vif is no NAME=VALUE/],
    ['name', /^guest\.cfg:2:5: Here is the end of the file where "=" after name should be/],
    ['name =\n"a"', /^guest\.cfg:2:7: Here is the end of the line where a number, a quoted text/],
    ['name = "a" "b"', /^guest\.cfg:2:12: Here is a text where the end of the line should be/],
    ['= 5', /^guest\.cfg:2:1: Here is "=" where the name of a setting should be/],
    ['disk = [ "a,xvda"', /Here is the end of the file where "," or "\]" should be/],
    ['name = "a', /^guest\.cfg:2:8: This text has no closing quote on its line/],
    ['name = "a\nb"', /^guest\.cfg:2:8: This text has no closing quote on its line/],
    ['name = "\\q"', /^guest\.cfg:2:8: "\\q" in this text means nothing/],
    ['memory = 64 + 64', /^guest\.cfg:2:13: "\+" cannot stand here/],
    ['memory = 64\nmemory += 64', /Only a list can be added to a list/],
    [`disk = ${'['.repeat(9)}`, /Lists may not be nested so deep/],
  ])('%j', (text, sentence) => {
    expect(() => machineOf(text)).toThrow(UserError);
    expect(() => machineOf(text)).toThrow(sentence);
  });
});

test('a file without a kernel is an error', () => {
  expect(() => readXlFile('memory = 64', 'guest.cfg')).toThrow('guest.cfg names no kernel');
  expect(() => readXlFile('kernel = ""', 'guest.cfg')).toThrow('guest.cfg names no kernel');
});

test('whatever is in a file, it is read or refused with a UserError', () => {
  const word = fc.constantFrom(
    ...['kernel', 'disk', 'vif', '=', '+=', '[', ']', ',', ';', '\n', '"a,xvda"', "'", '"', '\\'],
    ...['64', '0x', '#', ' ', '\r', '+', 'é', '\0', '"mac="', '"target="', '"x"'],
  );
  const edited = fc
    .tuple(fc.nat(usual.length), fc.nat(40), fc.array(word, { maxLength: 8 }))
    .map(([at, length, words]) => usual.slice(0, at) + words.join('') + usual.slice(at + length));
  const text = fc.oneof(
    edited,
    fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
  );
  fc.assert(
    fc.property(text, (file) => {
      try {
        expect(readXlFile(file, 'x').configuration.kernel).not.toBe('');
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { numRuns: 2000 },
  );
});
