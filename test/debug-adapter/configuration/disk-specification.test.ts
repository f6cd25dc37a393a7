import { describe, expect, test } from 'vitest';
import { diskOf } from '../../../debug-adapter/configuration/disk-specification.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';

/** `file as device, access`. */
function read(specification: string): string {
  const { file, device, access, isCdrom } = diskOf(specification, 'overlay');
  return `${file} as ${device.number}, ${access}${isCdrom ? ', cdrom' : ''}`;
}

describe('a disk', () => {
  test.each([
    ['root.img,xvda', 'root.img as 51712, overlay'],
    ['root.img,xvda,w', 'root.img as 51712, w'],
    ['root.img,xvda,r', 'root.img as 51712, r'],
    ['root.img,xvda,overlay', 'root.img as 51712, overlay'],
    ['phy:/dev/vg/root,sda1,rw', '/dev/vg/root as 2049, w'],
    ['file:/root.img,hda,ro', '/root.img as 768, r'],
    ['tap:aio:/root.img,xvda,w', '/root.img as 51712, w'],
    ['/root.img,raw,xvda,rw', '/root.img as 51712, w'],
    ['/root.img,,xvda', '/root.img as 51712, overlay'],
    ['/root.img, raw, xvda', '/root.img as 51712, overlay'],
    ['vdev=xvda,format=raw,target=a,b=c', 'a,b=c as 51712, overlay'],
    ['/root.img,xvda,access=rw', '/root.img as 51712, w'],
    ['vdev=xvda,discard,direct-io-safe,backendtype=phy,target=a', 'a as 51712, overlay'],
    ['a.iso,raw,xvdc,rw,cdrom', 'a.iso as 51744, r, cdrom'],
    ['vdev=xvdc,devtype=cdrom,target=a.iso', 'a.iso as 51744, r, cdrom'],
    ['c:\\\\root.img,xvda', 'c:\\\\root.img as 51712, overlay'],
    ['file:a.iso,hdc:cdrom,r', 'a.iso as 5632, r, cdrom'],
  ])('%s', (specification, disk) => {
    expect(read(specification)).toBe(disk);
  });
});

describe('is refused:', () => {
  test.each([
    ['', /names no file/],
    ['target=,xvda', /names no device/],
    ['root.img', /names no device/],
    ['root.img,raw,vda', /is to be "vda", which is no device/],
    ['root.img,qcow2,xvda', /format "qcow2", but only raw images are read.*qemu-img convert/],
    ['format=vhd,vdev=xvda,target=a', /format "vhd"/],
    ['root.img,xvda,x', /access "x": "r", "w" or "overlay" can be meant/],
    ['root.img,xvda,constructor', /access "constructor"/],
    ['qcow:/root.img,xvda', /is "qcow:", but only raw images and devices are read/],
    ['tap:qcow2:/root.img,xvda', /is "qcow2:"/],
    ['a,raw,xvda,w,more', /has "more" too many/],
    ['vdev=xvda,vdev=xvdb,target=a', /gives vdev twice/],
    ['vdev=xvda,devtype=tape,target=a', /devtype "tape"/],
    ['vdev=xvda,script=block-iscsi,target=a', /sets "script", which means nothing here/],
  ])('%j', (specification, sentence) => {
    expect(() => read(specification)).toThrow(UserError);
    expect(() => read(specification)).toThrow(sentence);
  });
});
